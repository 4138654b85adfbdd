"""What the reader returns: frozen records with names in place of keys; arrays are read-only float32."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from db.schema.tables import Point, Vector

Split = Literal["train", "test"]
Modality = Literal["image", "text"]
TargetKind = Literal["predicted", "true", "runner_up"]
SamplePicture = Literal["thumbnail", "display"]


@dataclass(frozen=True)
class RunView:
    """One set of settings; `finished_at` is None while it runs or after it was killed."""

    id: int
    dataset: str
    artifacts: str
    seed: int
    settings: dict[str, Any]
    settings_hash: str
    versions: dict[str, Any]
    started_at: datetime.datetime
    finished_at: datetime.datetime | None


@dataclass(frozen=True)
class ModelView:
    """One model; accuracies in 0..1 over the test split, None before they are measured; `explanations` = rows."""

    id: int
    name: str
    kind: str
    position: int
    explained: bool
    classes: tuple[str, ...]
    accuracy: float | None
    top3_accuracy: float | None
    explanations: int
    checkpoint: str | None
    settings: dict[str, Any]
    history: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class ClassView:
    """One class with its number of samples.

    `explained` = samples that the asked model (any model, if none was asked) has an explanation of;
    `accuracy` in 0..1 of the asked model on the class's test samples, None without a model or predictions.
    """

    id: int
    label: str
    display_name: str | None
    family: str | None
    train: int
    test: int
    explained: int
    accuracy: float | None

    @property
    def title(self) -> str:
        """The display name, or the label where there is none."""
        return self.display_name or self.label


@dataclass(frozen=True)
class SampleView:
    """One sample in a list, with what the asked model says of it.

    `predicted`, `probability` (of the predicted class) and `right` are None without a prediction;
    `position` = the tile's index in the sprite sheet of (label, split), row by row, None without one.
    """

    id: int
    path: str
    split: Split
    label: str
    predicted: str | None
    probability: float | None
    right: bool | None
    explained: bool
    position: int | None


@dataclass(frozen=True)
class Outcomes:
    """What a model says of every sample that it was shown, as columns, [n], a row a sample: what charts are made of.

    `labels` names the classes; `label` and `predicted` are places in it, `sample` the samples' keys in the database,
    `test` whether a sample is of the test split. `probability` of the predicted class lies in 0..1; `image_share` is
    that of the predicted class's explanation, nan without one or where all weights are 0.
    """

    labels: tuple[str, ...]
    sample: npt.NDArray[np.int64] = field(repr=False)
    test: npt.NDArray[np.bool_] = field(repr=False)
    label: npt.NDArray[np.int32] = field(repr=False)
    predicted: npt.NDArray[np.int32] = field(repr=False)
    probability: Vector = field(repr=False)
    image_share: Vector = field(repr=False)
    explained: npt.NDArray[np.bool_] = field(repr=False)

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Whether the prediction is the sample's class."""
        return np.equal(self.label, self.predicted)


@dataclass(frozen=True)
class EntryView:
    """One OCR entry; `polygon` in pixels of the upright original; `confidence` in 0..1 or None."""

    position: int
    text: str
    polygon: tuple[Point, ...]
    confidence: float | None


@dataclass(frozen=True)
class EvidenceView:
    """Planted evidence: kind 'entry' with `entry_position`, or kind 'region' with a polygon in original pixels."""

    kind: Literal["entry", "region"]
    entry_position: int | None
    polygon: tuple[Point, ...]


@dataclass(frozen=True)
class PictureReference:
    """A stored picture without its bytes; `digest` = its SHA-256 in hexadecimal, for ETag and address."""

    kind: str
    digest: str
    media_type: str
    width: int
    height: int


@dataclass(frozen=True)
class SampleDetail:
    """One sample with everything that no model is needed for.

    `width` x `height` are the upright original's pixels; `segments` and the segmentation's size are None before
    the first explanation.
    """

    id: int
    path: str
    split: Split
    label: str
    width: int
    height: int
    picture_hash: str
    entries_hash: str
    entries: tuple[EntryView, ...]
    evidence: tuple[EvidenceView, ...]
    pictures: dict[str, PictureReference]
    segmentation_id: int | None
    segments: int | None
    segmentation_width: int | None
    segmentation_height: int | None


@dataclass(frozen=True)
class PictureView:
    """A stored picture with its bytes."""

    kind: str
    content: bytes = field(repr=False)
    digest: str
    media_type: str
    width: int
    height: int


@dataclass(frozen=True)
class PartSource:
    """The display picture of a sample of `width` x `height` pixels, and where its parts of one modality lie.

    There are `parts`. `label_map` as in LabelMapView, empty for words; `polygons[entry position]` in pixels of the
    upright original, empty for picture parts.
    """

    content: bytes = field(repr=False)
    width: int
    height: int
    parts: int
    label_map: bytes = field(repr=False)
    polygons: Sequence[Sequence[Point]] = field(repr=False)


@dataclass(frozen=True)
class SpriteView(PictureView):
    """A sheet of thumbnails: sample i lies in column i % columns and row i // columns, `tile` pixels squared."""

    tile: int
    columns: int
    samples: tuple[str, ...]


@dataclass(frozen=True)
class LabelMapView:
    """The superpixels of a sample: palette PNG (16-bit above 255 segments) whose pixel value = segment id."""

    content: bytes = field(repr=False)
    digest: str
    segments: int
    width: int
    height: int


@dataclass(frozen=True)
class LabelProbability:
    """What a model gives one class, 0..1."""

    label: str
    probability: float


@dataclass(frozen=True)
class ExplanationView:
    """One local explanation with all its numbers (REFERENCE.md §3, §4).

    `label` = the sample's own class, `target` = the explained one, `predicted` = the model's (None if unknown).
    `image_weights[segment id]` and `text_weights[entry position]` are signed; errors have the weights' shapes
    or are None; shares are in 0..1, None when all weights are 0.
    """

    id: int
    model: str
    sample: str
    split: Split
    label: str
    predicted: str | None
    target: str
    kind: TargetKind
    probability: float
    surrogate_prediction: float
    intercept: float
    r2: float
    image_evaluations: int
    text_evaluations: int
    sampler: str
    fill: str
    seed: int
    image_weights: Vector = field(repr=False)
    image_errors: Vector | None = field(repr=False)
    text_weights: Vector = field(repr=False)
    text_errors: Vector | None = field(repr=False)
    image_share: float | None
    image_share_positive: float | None
    probability_without_text: float
    probability_without_image: float

    @property
    def largest_weight(self) -> float:
        """The largest weight of both modalities; <= 0 means that nothing is drawn, nan that there is no feature."""
        weights = [float(part.max()) for part in (self.image_weights, self.text_weights) if part.size]
        return max(weights, default=float("nan"))


@dataclass(frozen=True)
class PredictedExplanation:
    """What is drawn over a thumbnail: the explanation of a predicted class, superpixels as in LabelMapView.

    `polygons[entry position]` lie in pixels of the upright original, `width` x `height`.
    """

    sample: str
    width: int
    height: int
    image_weights: Vector = field(repr=False)
    text_weights: Vector = field(repr=False)
    label_map: bytes = field(repr=False)
    polygons: tuple[Sequence[Point], ...] = field(repr=False)


@dataclass(frozen=True)
class TrueClassExplanation:
    """What the global stage needs of one explanation of the true class (REFERENCE.md §5)."""

    explanation_id: int
    sample_id: int
    sample: str
    split: Split
    segmentation_id: int
    image_weights: Vector = field(repr=False)
    text_weights: Vector = field(repr=False)
    entries: tuple[str, ...]


@dataclass(frozen=True)
class ImageShare:
    """The modality ratio of one explanation of the predicted class (REFERENCE.md §4)."""

    sample: str
    label: str
    right: bool
    image_share: float | None
    image_share_positive: float | None
    probability: float
    probability_without_text: float
    probability_without_image: float


@dataclass(frozen=True)
class StageProgress:
    """How many work units of a stage are done and failed, and the seconds that they took together."""

    stage: str
    done: int
    failed: int
    seconds: float
    last: datetime.datetime | None


@dataclass(frozen=True)
class FailedUnit:
    """A work unit that failed, and why."""

    stage: str
    key: str
    message: str


@dataclass(frozen=True)
class ProblemView:
    """Something that was skipped, with the file and the line to mend."""

    stage: str
    file: str
    line: int | None
    sample: str | None
    message: str


@dataclass(frozen=True)
class Confusion:
    """How many test samples of the class `label` a model takes for the class `predicted`."""

    label: str
    predicted: str
    count: int


@dataclass(frozen=True)
class SearchHit:
    """An OCR entry that holds all the words asked for; `entry` = its key."""

    entry: int
    sample: str
    split: Split
    label: str
    position: int
    text: str


class FoundText(NamedTuple):
    """How often a text was read in one class: entries, and the keys of the first one and of the first explained one."""

    text: str
    label: str
    entries: int
    entry: int
    explained: int | None


@dataclass(frozen=True)
class EntryWeight:
    """What an entry weighs in a model's explanation of its predicted class (`target`) on that sample."""

    entry: int
    model: str
    target: str
    weight: float
