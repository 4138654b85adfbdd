"""What is kept of a sample's maps: scaled to its maximum, in half precision, one work unit with its forecast."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from db.activation_maps import SMALLEST_MAXIMUM
from db.tables import ActivationMap, Category, EmbeddingForecast, Vector
from db.writer import UnitResult
from precompute.activation_maps.batch import Forecast, MapRequest, SampleMaps, compute_maps
from precompute.activation_maps.scalars import Scalar
from precompute.dataset.samples import LabelledSample
from precompute.workers import Bench


@dataclass(frozen=True)
class StoredMap:
    """A map as it is stored: `values` in 0..1 as shares of `maximum`, float32 [h, w]; [0, 0] where it is empty."""

    scalar: Scalar
    variant: str
    stage: int
    maximum: float
    size: tuple[int, int]
    values: Vector


@dataclass(frozen=True)
class SampleAnswer:
    """What is stored of one model and sample."""

    maps: list[StoredMap]
    forecast: Forecast | None
    similarities: list[tuple[str, int, float]]


def answer_maps(bench: Bench, request: MapRequest) -> tuple[dict[str, list[SampleAnswer]], float]:
    """What is stored of each model and sample, and the seconds that it took."""
    started = time.perf_counter()
    found = {
        name: [SampleAnswer(scaled_maps(one), one.forecast, _similarities(one)) for one in samples]
        for name, samples in compute_maps(bench, request).items()
    }
    return found, time.perf_counter() - started


def scaled_maps(found: SampleMaps) -> list[StoredMap]:
    """All maps of a sample, each as shares of its maximum; one whose maximum is below 1e-8 is empty."""
    stored = []
    for (variant, stage), maps in found.maps.items():
        for scalar, values in zip(found.scalars, maps, strict=True):
            maximum, size = float(values.max()), (values.shape[1], values.shape[0])
            empty = not maximum >= SMALLEST_MAXIMUM
            shares = np.zeros((0, 0), np.float32) if empty else values / maximum
            stored.append(StoredMap(scalar, variant, stage, maximum, size, shares))
    return stored


def _similarities(found: SampleMaps) -> list[tuple[str, int, float]]:
    return [(s.strategy, s.top, s.cosine) for s in found.scalars if s.cosine is not None and s.target == "forecast"]


def category_ids(engine: Engine) -> dict[str, int]:
    """Primary keys of the classes by label."""
    with Session(engine) as session:
        return dict(session.execute(select(Category.label, Category.id)).tuples().all())


def maps_unit(
    stage: str,
    value: str,
    model_id: int,
    name: str,
    sample: LabelledSample,
    found: SampleAnswer,
    categories: Mapping[str, int],
    seconds: float,
) -> UnitResult:
    """The work unit of one model and sample."""
    rows: list[ActivationMap | EmbeddingForecast] = [
        ActivationMap(
            model_id=model_id,
            sample_id=sample.id,
            target=one.scalar.target,
            strategy=one.scalar.strategy,
            variant=one.variant,
            stage=one.stage,
            top=one.scalar.top,
            maximum=one.maximum,
            width=one.size[0],
            height=one.size[1],
            values=one.values.ravel(),
        )
        for one in found.maps
    ]
    if found.forecast is not None:
        forecast = found.forecast
        rows.append(
            EmbeddingForecast(
                model_id=model_id,
                sample_id=sample.id,
                category_id=categories[forecast.label],
                features=forecast.features,
                weights=forecast.weights,
                values=forecast.values,
                boxes=[list(box) for box in forecast.boxes],
                similarities=[list(one) for one in found.similarities],
            )
        )
    return UnitResult(stage, value, f"{name}|{sample.path}", rows, model_id, sample.id, seconds)
