"""Pointing game and energy inside masks, of activation maps and of LIME's superpixels: a unit a model, no map kept."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from db.definitions.activation_maps import SMALLEST_MAXIMUM, STAGES
from db.errors import UserError
from db.read.reader import Reader
from db.values import Vector
from precompute.activation_maps.batch import MapRequest, SampleMaps, compute_maps
from precompute.activation_maps.class_ranking import class_rankings
from precompute.activation_maps.stage import mapped_models, maps_hash
from precompute.activation_maps.variants import VARIANTS
from precompute.context import RunContext
from precompute.dataset.samples import LabelledSample, stored_samples
from precompute.engine import Stage, Task
from precompute.evaluation.localisation_measures import (
    measure_maps,
    measure_superpixels,
    read_mask,
)
from precompute.evaluation.localisation_summary import LIME, Masked, Measured, localisation_evaluations
from precompute.executors import Job
from precompute.local_explanations.superpixels import decode_label_map
from precompute.models.runtimes import CPU_ROWS
from precompute.models.worker import WorkerState, setup_of_tasks
from precompute.progress import say
from precompute.provenance import INPUTS, SETTINGS
from precompute.recipe import Recipe, settings_hash

EVALUATE_LOCALISATION = "evaluate-localisation"
EVALUATE_SUPERPIXELS = "evaluate-superpixels"


@dataclass(frozen=True)
class Request:
    """Samples with their masks as PNG, CPU_ROWS at most, for one model."""

    maps: MapRequest
    masks: tuple[bytes, ...]


def localisation_stage(recipe: Recipe) -> Stage:
    """All variants of activation maps on all samples with a mask: a unit a model, which chooses the best on train."""
    return Stage(
        name=EVALUATE_LOCALISATION,
        settings=SETTINGS["activation"](recipe),
        inputs=INPUTS[EVALUATE_LOCALISATION],
        tasks=_tasks,
        work=measure,
        rows=lambda task, answers: list(localisation_evaluations(recipe, task.payload, _joined(answers))),
        jobs=_jobs,
        setup=setup_of_tasks,
        counted="sample",
    )


def superpixels_stage(recipe: Recipe) -> Stage:
    """LIME's superpixels on the same masks: a unit a model that is explained."""
    return Stage(
        name=EVALUATE_SUPERPIXELS,
        settings=[recipe.seed],
        inputs=INPUTS[EVALUATE_SUPERPIXELS],
        tasks=_superpixel_tasks,
        work=_measure_superpixels,
        rows=lambda task, answers: list(localisation_evaluations(recipe, task.payload, answers[0])),
        counted="model",
        in_process=True,
    )


def _tasks(context: RunContext) -> Iterator[Task]:
    """Raises:
    UserError: no sample has a mask that marks anything.
    """
    samples, masks = masked_samples(context)
    for model in mapped_models(context.engine):
        forecasts = Reader(context.engine).embedding.forecasts(model.name) if model.kind == "embedding" else []
        rankings = class_rankings(forecasts)
        yield Task(
            key=model.name,
            mark=settings_hash(maps_hash(context.recipe, model), _content(samples, masks), rankings),
            payload=Masked(model.name, samples, masks, rankings, {}),
            model=model.name,
            size=len(samples),
        )


def _superpixel_tasks(context: RunContext) -> Iterator[Task]:
    samples, masks = masked_samples(context, tell=False)
    for model in mapped_models(context.engine):
        weights = Reader(context.engine).explanations.superpixel_weights(model.name)
        found = {sample.path: weights[sample.path] for sample in samples if sample.path in weights}
        if found:
            digest = hashlib.sha256()
            for path in sorted(found):
                label_map, of_image = found[path]
                digest.update(f"{path}\0".encode() + label_map + of_image.tobytes())
            yield Task(
                key=model.name,
                depends_on=[_content(samples, masks), digest.hexdigest()],
                payload=Masked(model.name, samples, masks, {}, found),
                model=model.name,
            )


def masked_samples(context: RunContext, tell: bool = True) -> tuple[list[LabelledSample], dict[str, bytes]]:
    """The samples whose mask marks something, by path, and the masks; those left out are counted in a line.

    Raises:
        UserError: there is none.
    """
    masks = Reader(context.engine).pictures.masks()
    marked = {path: content for path, content in masks.items() if read_mask(content) is not None}
    samples = stored_samples(context.engine, context.dataset)
    if not marked:
        raise UserError(
            f"evaluate localisation: none of {len(samples)} samples has a mask that marks anything; "
            "put them at masks/<split>/<class>/<name>.png of the data set and ingest again"
        )
    for reason, left_out in (
        ("no mask", [sample for sample in samples if sample.path not in masks]),
        ("a mask that marks nothing", [sample for sample in samples if sample.path in masks.keys() - marked.keys()]),
    ):
        if left_out and tell:
            labels = ", ".join(f"{label} {count}" for label, count in Counter(s.label for s in left_out).most_common(5))
            say(f"evaluate localisation: {len(left_out)} sample(s) with {reason} are left out ({labels})")
    return [sample for sample in samples if sample.path in marked], marked


def _measure_superpixels(_: None, task: Masked) -> dict[str, list[Measured]]:
    """LIME's superpixels of the predicted class, by path of the sample."""
    found = {}
    for path, (label_map, weights) in task.superpixels.items():
        truth = read_mask(task.masks[path])
        assert truth is not None
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


def _jobs(context: RunContext, tasks: Sequence[Task]) -> Iterator[Job]:
    """Batches of samples, of one model after another."""
    for task in tasks:
        found: Masked = task.payload
        for start in range(0, len(found.samples), CPU_ROWS):
            part = tuple(found.samples[start : start + CPU_ROWS])
            rankings = {found.model: found.rankings}
            maps = MapRequest(part, (found.model,), tuple(VARIANTS), context.recipe.activation.tops, True, rankings)
            yield Job((task.key,), Request(maps, tuple(found.masks[sample.path] for sample in part)))


def _joined(answers: Sequence[dict[str, list[Measured]]]) -> dict[str, list[Measured]]:
    return {path: measured for answer in answers for path, measured in answer.items()}


def measure(state: WorkerState, task: Request) -> dict[str, list[Measured]]:
    """All settings of one model, by path of the sample."""
    (name,) = task.maps.models
    found = {}
    for sample, mask, maps in zip(task.maps.samples, task.masks, compute_maps(state, task.maps)[name], strict=True):
        truth = read_mask(mask)
        assert truth is not None
        measured = []
        for variant in task.maps.variants:
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
