"""What is handed over for storing: frozen records that name samples by path, models by name and classes by label."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from db.values import Point, Vector


class Record:
    """Something to be stored; it belongs to the unit of work that it comes with."""


@dataclass(frozen=True)
class FinishedUnit:
    """A unit of work with its records, and the model and the sample with which it is removed.

    Attributes:
        mark: the fingerprint of all that its records are made from.
        model: name of a model, None where the unit belongs to none, or stores the model itself.
        sample: path of a sample.
        seconds: of work.
        settings: hash of the stage's settings alone.
    """

    stage: str
    mark: str
    key: str
    records: Sequence[Record] = ()
    model: str | None = None
    sample: str | None = None
    seconds: float = 0.0
    settings: str | None = None


@dataclass(frozen=True)
class ProblemRecord(Record):
    """Something that was skipped; `file` relative to the data set, `line` from 1."""

    file: str
    message: str
    line: int | None = None
    sample: str | None = None


@dataclass(frozen=True)
class PictureRecord:
    """An encoded picture and its size in pixels."""

    width: int
    height: int
    content: bytes
    media_type: str = "image/webp"

    @property
    def digest(self) -> str:
        """SHA-256 of the content."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class EntryRecord:
    """One text read off a package; `polygon` in pixels of the upright picture, `confidence` in 0..1 or unknown."""

    text: str
    polygon: Sequence[Point]
    confidence: float | None


@dataclass(frozen=True)
class EvidenceRecord:
    """What tells a sample's class from its twin: an entry (by position) or a region of the upright picture."""

    kind: str
    entry_position: int | None
    polygon: Sequence[Point]


@dataclass(frozen=True)
class SampleRecord:
    """A sample as the data set has it; `width` and `height` are those of the upright original."""

    path: str
    picture_hash: str
    entries_hash: str
    width: int
    height: int
    entries: Sequence[EntryRecord]
    evidence: Sequence[EvidenceRecord]
    display: PictureRecord
    thumbnail: PictureRecord
    mask: PictureRecord | None


@dataclass(frozen=True)
class ClassSamplesRecord(Record):
    """All samples of one class in one split, and their sprite sheet with its layout."""

    split: str
    label: str
    samples: Sequence[SampleRecord]
    sprite: PictureRecord | None
    layout: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TextRecord(Record):
    """The entries that an OCR engine read in a sample for which the data set gives none."""

    sample: str
    entries: Sequence[EntryRecord]
    entries_hash: str


@dataclass(frozen=True)
class ModelRecord(Record):
    """A trained or given model; the columns of table `model`."""

    name: str
    kind: str
    position: int
    explained: bool
    settings: Mapping[str, Any]
    settings_hash: str
    checkpoint: str | None
    checkpoint_hash: str
    classes: Sequence[str]
    history: Sequence[Any]


@dataclass(frozen=True)
class PredictionRecord(Record):
    """A model's prediction for a sample: the class, its probability, and float32 [classes] of all."""

    model: str
    sample: str
    predicted_class: str
    probability: float
    probabilities: Vector


@dataclass(frozen=True)
class SegmentationRecord(Record):
    """A sample's superpixels as a palette PNG; it replaces those of other settings, whose explanations are removed."""

    sample: str
    settings_hash: str
    segments: int
    width: int
    height: int
    label_map: bytes


@dataclass(frozen=True)
class ExplanationRecord(Record):
    """The local surrogate of one model for one class on one sample; the columns of table `explanation`."""

    model: str
    sample: str
    explained_class: str
    kind: str
    probability: float
    surrogate_prediction: float
    intercept: float
    r2: float
    image_evaluations: int
    text_evaluations: int
    sampler: str
    fill: str
    seed: int
    image_weights: Vector
    image_errors: Vector | None
    text_weights: Vector
    text_errors: Vector | None
    image_share: float | None
    image_share_positive: float | None
    probability_without_text: float
    probability_without_image: float


@dataclass(frozen=True)
class MemberRecord:
    """A feature of a stored explanation as a member of a group."""

    explanation_id: int
    sample_id: int
    feature: int
    weight: float
    representative: bool


@dataclass(frozen=True)
class GroupRecord(Record):
    """A global group with its members; the columns of table `global_group`."""

    model: str
    label: str
    modality: str
    rank: int
    name: str
    score: float
    samples: int
    spellings: Mapping[str, int]
    centroid: Vector | None
    radius: float | None
    members: Sequence[MemberRecord]


@dataclass(frozen=True)
class RankRecord(Record):
    """A new rank, score and concept of a stored group: it updates a row of `global_group` in place."""

    group_id: int
    rank: int
    score: float
    concept: int | None


@dataclass(frozen=True)
class ForecastRecord(Record):
    """An embedding classifier's ranked features on a sample; the columns of table `embedding_forecast`."""

    model: str
    sample: str
    predicted_class: str
    features: Sequence[int]
    weights: Vector
    values: Vector
    boxes: Sequence[Sequence[float]]
    similarities: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class MapRecord(Record):
    """An activation map, `values` in 0..1 as shares of `maximum`; the columns of table `activation_map`."""

    model: str
    sample: str
    target: str
    strategy: str
    variant: str
    stage: int
    top: int
    maximum: float
    width: int
    height: int
    values: Vector


@dataclass(frozen=True)
class EvaluationRecord(Record):
    """Measured figures: of a sample, a class, a model or the run, as far as these are named."""

    kind: str
    figures: Mapping[str, Any]
    model: str | None = None
    sample: str | None = None
    label: str | None = None
    modality: str | None = None
