"""What is kept of a sample's maps: scaled to its maximum, in half precision, one work unit with its forecast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from db.definitions.activation_maps import SMALLEST_MAXIMUM
from db.records.written import ForecastRecord, MapRecord, Record
from db.values import Vector
from precompute.activation_maps.batch import Forecast, MapRequest, SampleMaps, compute_maps
from precompute.activation_maps.scalars import Scalar
from precompute.models.worker import WorkerState


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


def answer_maps(state: WorkerState, request: MapRequest) -> dict[str, list[SampleAnswer]]:
    """What is stored of each model and sample."""
    return {
        name: [SampleAnswer(scaled_maps(one), one.forecast, _similarities(one)) for one in samples]
        for name, samples in compute_maps(state, request).items()
    }


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


def map_records(model: str, sample: str, found: SampleAnswer) -> list[Record]:
    """The records of one model and sample."""
    records: list[Record] = [
        MapRecord(
            model=model,
            sample=sample,
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
        records.append(
            ForecastRecord(
                model=model,
                sample=sample,
                predicted_class=forecast.label,
                features=forecast.features,
                weights=forecast.weights,
                values=forecast.values,
                boxes=[list(box) for box in forecast.boxes],
                similarities=[list(one) for one in found.similarities],
            )
        )
    return records
