"""How well maps point at masks, by setting: means over samples with intervals, and the best setting on train masks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from db.records.written import EvaluationRecord
from db.values import Vector
from precompute.activation_maps.batch import ClassRankings
from precompute.activation_maps.variants import VARIANTS
from precompute.dataset.samples import LabelledSample
from precompute.evaluation.localisation_measures import Floats, read_mask
from precompute.evaluation.statistics import mean_intervals
from precompute.recipe import Recipe, derive_seed

MEASURES = ("pointing_0", "pointing_15", "energy")
LIME = "lime"

Setting = tuple[str | None, str | None, str, int | str | None, int]
"""Target, strategy, variant, stage, number of features; of LIME the variant alone."""


@dataclass(frozen=True)
class Measured:
    """One setting on one sample: `figures` float64 [3] in the order of MEASURES; `empty` = the map shows nothing."""

    setting: Setting
    figures: Floats
    empty: bool


@dataclass(frozen=True)
class Masked:
    """A model with the samples whose masks mark something, their masks as PNG by path, and what it is measured by.

    Attributes:
        rankings: features by class of forecast, of an embedding classifier.
        label_maps: superpixels as PNG with float32 weights of the predicted class, by path, where that is explained.
    """

    model: str
    samples: Sequence[LabelledSample]
    masks: Mapping[str, bytes]
    rankings: ClassRankings
    superpixels: Mapping[str, tuple[bytes, Vector]]


def localisation_evaluations(
    recipe: Recipe, masked: Masked, found: Mapping[str, Sequence[Measured]]
) -> Iterator[EvaluationRecord]:
    samples, masks = masked.samples, masked.masks
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
            seed = derive_seed("localisation", recipe.seed, masked.model, split, label or "")
            of_variant = summarise(group, found, chances, seed)
            for variant, (count, chance, rows) in of_variant.items():
                figures = {"split": split, "variant": variant, "samples": count, "chance": chance, "rows": rows}
                yield EvaluationRecord(kind="localisation", model=masked.model, label=label, figures=figures)
                if split == "train" and label is None and variant != LIME:
                    for row in rows:
                        setting = (row["target"], row["strategy"], variant, row["stage"], row["top"])
                        if best is None or row["energy"][0] > best[0]:
                            best = row["energy"][0], setting
    if best is not None:
        target, strategy, variant, stage, top = best[1]
        chosen = {"target": target, "strategy": strategy, "variant": variant, "stage": stage, "top": top}
        yield EvaluationRecord(kind="localisation-choice", model=masked.model, figures=chosen)


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
                    name: [float(part[column, index]) for part in (mean, low, high)]
                    for index, name in enumerate(MEASURES)
                },
            }
            for column, (target, strategy, _, stage, top) in enumerate(settings)
        ]
        chance = np.mean([chances[path] for path in measured], axis=0)
        summary[variant] = (len(measured), dict(zip(MEASURES, chance.tolist(), strict=True)), rows)
    return summary
