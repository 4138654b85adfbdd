"""Do activation maps, and LIME's superpixels, point at what masks mark? A work unit of each a model; no map is kept."""

from __future__ import annotations

import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.activation_maps import SMALLEST_MAXIMUM, STAGES
from db.errors import UserError
from db.tables import VARIANTS, Category, Evaluation, Explanation, Mask, Model, Sample, Segmentation, Vector
from db.writer import UnitResult
from precompute.activation_maps.batch import ClassRankings, MapRequest, SampleMaps, compute_maps
from precompute.activation_maps.class_figures import class_rankings, stored_forecasts
from precompute.activation_maps.stage import mapped_models, maps_hash
from precompute.dataset.samples import LabelledSample, stored_samples
from precompute.evaluation.localisation_measures import (
    Floats,
    measure_maps,
    measure_superpixels,
    read_mask,
)
from precompute.evaluation.statistics import mean_intervals
from precompute.local_explanations.segments import decode_label_map
from precompute.models.runtimes import CPU_ROWS
from precompute.models.stage import workplace
from precompute.pipeline import Job, processes
from precompute.progress import Progress, say
from precompute.recipe import derive_seed, settings_hash
from precompute.workers import Bench, Workers

STAGE = "evaluate-localisation"
MEASURES = ("pointing_0", "pointing_15", "energy")
LIME = "lime"

Setting = tuple[str | None, str | None, str, int | str | None, int]
"""Target, strategy, variant, stage, number of features; of LIME the variant alone."""


@dataclass(frozen=True)
class LocalisationJob:
    """Samples with their masks as PNG, CPU_ROWS at most, for one model."""

    request: MapRequest
    masks: tuple[bytes, ...]


@dataclass(frozen=True)
class Measured:
    """One setting on one sample: `figures` float64 [3] in the order of MEASURES; `empty` = the map shows nothing."""

    setting: Setting
    figures: Floats
    empty: bool


def evaluate_localisation(job: Job, progress: Progress) -> None:
    """Measure all variants on all samples with a mask, and choose the best setting on the train masks.

    Raises:
        UserError: no sample has a mask that marks anything.
    """
    samples, masks = masked_samples(job)
    models = mapped_models(job.engine)
    current, pending = set(), []
    for model in models:
        current.add(_evaluate_superpixels(job, model, samples, masks))
        rankings = class_rankings(stored_forecasts(job, model.id)) if model.kind == "embedding" else {}
        value = settings_hash(maps_hash(job.recipe, model), _content(samples, masks), dict(rankings))
        current.add((value, model.name))
        if model.name not in job.writer.done(STAGE, value):
            pending.append((model, rankings, value))
    done, total = 0, len(pending) * len(samples)
    if pending:
        place = workplace(job, [model.name for model, *_ in pending])
        with Workers(place, min(processes(job.order), len(samples))) as workers:
            progress(0, total)
            for model, rankings, value in pending:
                started, error = time.perf_counter(), None
                found: dict[str, list[Measured]] = {}
                for answer in workers.answers(measure, _jobs(job, model, rankings, samples, masks)):
                    error = error or answer.error
                    found |= answer.answer or {}
                    done += len(answer.job.request.samples)
                    progress(done, total)
                if error is not None:
                    job.writer.fail_unit(STAGE, value, model.name, error, model_id=model.id)
                    continue
                rows = list(_evaluations(job, model, samples, masks, found))
                seconds = time.perf_counter() - started
                job.writer.finish_units([UnitResult(STAGE, value, model.name, rows, model.id, seconds=seconds)])
    job.writer.prune(STAGE, current)


def masked_samples(job: Job) -> tuple[list[LabelledSample], dict[str, bytes]]:
    """The samples whose mask marks something, by path, and the masks; those left out are counted in a line.

    Raises:
        UserError: there is none.
    """
    query = select(Sample.path, Mask.content).join(Sample, Sample.id == Mask.sample_id)
    with Session(job.engine) as session:
        masks = dict(session.execute(query).tuples().all())
    marked = {path: content for path, content in masks.items() if read_mask(content) is not None}
    samples = stored_samples(job.engine, job.order.dataset)
    if not marked:
        raise UserError(
            f"evaluate localisation: none of {len(samples)} samples has a mask that marks anything; "
            "put them at masks/<split>/<class>/<name>.png of the data set and ingest again"
        )
    for reason, left_out in (
        ("no mask", [sample for sample in samples if sample.path not in masks]),
        ("a mask that marks nothing", [sample for sample in samples if sample.path in masks.keys() - marked.keys()]),
    ):
        if left_out:
            labels = ", ".join(f"{label} {count}" for label, count in Counter(s.label for s in left_out).most_common(5))
            say(f"evaluate localisation: {len(left_out)} sample(s) with {reason} are left out ({labels})")
    return [sample for sample in samples if sample.path in marked], marked


def _evaluate_superpixels(
    job: Job, model: Model, samples: Sequence[LabelledSample], masks: Mapping[str, bytes]
) -> tuple[str, str]:
    """Store LIME's figures where there are explanations; returns the (settings hash, key) of the unit."""
    found = superpixel_figures(job, model, samples, masks)
    figures = {path: [one.figures.tolist() for one in measured] for path, measured in found.items()}
    value, key = settings_hash(_content(samples, masks), figures), f"{model.name}|{LIME}"
    if found and key not in job.writer.done(STAGE, value):
        rows = list(_evaluations(job, model, samples, masks, found))
        job.writer.finish_unit(STAGE, value, key, rows, model_id=model.id)
    return value, key


def superpixel_figures(
    job: Job, model: Model, samples: Sequence[LabelledSample], masks: Mapping[str, bytes]
) -> dict[str, list[Measured]]:
    """LIME's superpixels of the predicted class on the same masks, by path, where a sample is explained."""
    query = (
        select(Sample.path, Explanation.image_weights, Segmentation.label_map)
        .join(Sample, Sample.id == Explanation.sample_id)
        .join(Segmentation, Segmentation.id == Explanation.segmentation_id)
        .where(Explanation.model_id == model.id, Explanation.kind == "predicted")
    )
    wanted, found = {sample.path for sample in samples}, {}
    with Session(job.engine) as session:
        for path, weights, label_map in session.execute(query):
            truth = read_mask(masks[path]) if path in wanted else None
            if truth is not None:
                figures = measure_superpixels(weights, decode_label_map(label_map), truth)
                found[path] = [Measured((None, None, LIME, None, 0), figures, bool(weights.max() <= 0))]
    return found


def _content(samples: Sequence[LabelledSample], masks: Mapping[str, bytes]) -> str:
    """Stands for the pictures and masks that figures depend on."""
    digest = hashlib.sha256()
    for sample in samples:
        digest.update(f"{sample.path}\0{sample.label}\0{sample.picture_hash}\0".encode())
        digest.update(hashlib.sha256(masks[sample.path]).digest())
    return digest.hexdigest()


def _jobs(
    job: Job, model: Model, rankings: ClassRankings, samples: Sequence[LabelledSample], masks: Mapping[str, bytes]
) -> Iterator[LocalisationJob]:
    for start in range(0, len(samples), CPU_ROWS):
        part = tuple(samples[start : start + CPU_ROWS])
        given = {model.name: rankings}
        request = MapRequest(part, (model.name,), VARIANTS, job.recipe.activation.tops, True, given)
        yield LocalisationJob(request, tuple(masks[sample.path] for sample in part))


def measure(bench: Bench, task: LocalisationJob) -> dict[str, list[Measured]]:
    """All settings of one model, by path of the sample."""
    (name,) = task.request.models
    found = {}
    for sample, mask, maps in zip(
        task.request.samples, task.masks, compute_maps(bench, task.request)[name], strict=True
    ):
        truth = read_mask(mask)
        assert truth is not None
        measured = []
        for variant in task.request.variants:
            for stage, of_stage in scaled_stages(maps, variant).items():
                figures = measure_maps(of_stage, truth)
                empty = of_stage.max(axis=(1, 2)) == 0
                measured += [
                    Measured((one.target, one.strategy, variant, stage, one.top), figures[row], bool(empty[row]))
                    for row, one in enumerate(maps.scalars)
                    if one.target not in ("true", "runner_up")
                ]
        found[sample.path] = measured
    return found


def scaled_stages(found: SampleMaps, variant: str) -> dict[int | str, Vector]:
    """The maps float32 [m, h, w] of each stage in 0..1, an empty one all 0, and their mean as `combined`."""
    stages: dict[int | str, Vector] = {}
    for stage in STAGES:
        maps = found.maps[variant, stage]
        maximum = maps.max(axis=(1, 2), keepdims=True)
        stages[stage] = np.divide(maps, maximum, out=np.zeros_like(maps), where=maximum >= SMALLEST_MAXIMUM)
    size = stages[1].shape[1:]
    sized = [
        torch.nn.functional.interpolate(torch.from_numpy(maps)[None], size=size, mode="bilinear")[0]
        for maps in stages.values()
    ]
    stages["combined"] = torch.stack(sized).mean(dim=0).numpy()
    return stages


def _evaluations(
    job: Job,
    model: Model,
    samples: Sequence[LabelledSample],
    masks: Mapping[str, bytes],
    found: Mapping[str, Sequence[Measured]],
) -> Iterator[Evaluation]:
    with Session(job.engine) as session:
        ids = dict(session.execute(select(Category.label, Category.id)).tuples().all())
    chances = {}
    for sample in samples:
        truth = read_mask(masks[sample.path])
        assert truth is not None
        chances[sample.path] = truth.chance
    best: tuple[float, Setting] | None = None
    for split in ("train", "test"):
        of_split = [sample for sample in samples if sample.split == split]
        for label in (None, *sorted({sample.label for sample in of_split})):
            group = [sample.path for sample in of_split if label in (None, sample.label)]
            seed = derive_seed("localisation", job.recipe.seed, model.name, split, label or "")
            of_variant = summarise(group, found, chances, seed)
            for variant, (count, chance, rows) in of_variant.items():
                figures = {"split": split, "variant": variant, "samples": count, "chance": chance, "rows": rows}
                yield Evaluation(
                    kind="localisation", model_id=model.id, category_id=ids[label] if label else None, figures=figures
                )
                if split == "train" and label is None and variant != LIME:
                    for row in rows:
                        place = (row["target"], row["strategy"], variant, row["stage"], row["top"])
                        if best is None or row["energy"][0] > best[0]:
                            best = row["energy"][0], place
    if best is not None:
        target, strategy, variant, stage, top = best[1]
        chosen = {"target": target, "strategy": strategy, "variant": variant, "stage": stage, "top": top}
        yield Evaluation(kind="localisation-choice", model_id=model.id, figures=chosen)


def summarise(
    paths: Sequence[str],
    found: Mapping[str, Sequence[Measured]],
    chances: Mapping[str, tuple[float, float, float]],
    seed: int,
) -> dict[str, tuple[int, dict[str, float], list[dict[str, Any]]]]:
    """By variant: number of samples, chance levels, and for each setting means with 95 % bootstrap intervals."""
    by_setting: dict[Setting, dict[str, Measured]] = defaultdict(dict)
    for path in paths:
        for one in found.get(path, ()):
            by_setting[one.setting][path] = one
    summary: dict[str, tuple[int, dict[str, float], list[dict[str, Any]]]] = {}
    for variant in (*VARIANTS, LIME):
        measured = sorted({path for setting in by_setting if setting[2] == variant for path in by_setting[setting]})
        if not measured:
            continue
        # A class that nothing was taken for has no ranking: settings that need one are compared where all have them.
        settings = [key for key, by_path in by_setting.items() if key[2] == variant and len(by_path) == len(measured)]
        values = np.full((len(measured), len(settings), len(MEASURES)), 0.0)
        empty = np.zeros(len(settings), dtype=int)
        for column, setting in enumerate(settings):
            for row, path in enumerate(measured):
                values[row, column] = by_setting[setting][path].figures
                empty[column] += by_setting[setting][path].empty
        low, high = mean_intervals(values.reshape(len(measured), -1), seed).reshape(2, len(settings), len(MEASURES))
        mean = values.mean(axis=0)
        rows = [
            {
                "target": target,
                "strategy": strategy,
                "stage": stage,
                "top": top,
                "empty": int(empty[column]),
                **{
                    name: [float(part[column, place]) for part in (mean, low, high)]
                    for place, name in enumerate(MEASURES)
                },
            }
            for column, (target, strategy, _, stage, top) in enumerate(settings)
        ]
        chance = np.mean([chances[path] for path in measured], axis=0)
        summary[variant] = (len(measured), dict(zip(MEASURES, chance.tolist(), strict=True)), rows)
    return summary
