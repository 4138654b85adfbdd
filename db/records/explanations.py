"""What the reader returns of local explanations; arrays are read-only float32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from db.records.samples import Split
from db.values import Point, Vector

Modality = Literal["image", "text"]
TargetKind = Literal["predicted", "true", "runner_up"]


@dataclass(frozen=True)
class ExplanationView:
    """One local explanation with all its numbers (docs/definitions.md, Local explanation, Modality share).

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
    """What the global stage needs of one explanation of the true class (docs/definitions.md, Global groups).

    `entries` = the texts that `text_weights` weigh; `stamp` changes whenever the explanation is computed anew.
    """

    explanation_id: int
    sample_id: int
    sample: str
    split: Split
    segmentation_id: int
    image_weights: Vector = field(repr=False)
    text_weights: Vector = field(repr=False)
    stamp: str
    entries: tuple[str, ...]


@dataclass(frozen=True)
class ImageShare:
    """The modality ratio of one explanation of the predicted class (docs/definitions.md, Modality share)."""

    sample: str
    label: str
    right: bool
    image_share: float | None
    image_share_positive: float | None
    probability: float
    probability_without_text: float
    probability_without_image: float


@dataclass(frozen=True)
class ExplainedPrediction:
    """A model's explanation of the class that it predicts for a test sample; errors are None without replicates.

    `stamp` changes whenever the explanation is computed anew.
    """

    model: str
    sample: str
    image_weights: Vector = field(repr=False)
    text_weights: Vector = field(repr=False)
    image_errors: Vector | None = field(repr=False)
    text_errors: Vector | None = field(repr=False)
    r2: float
    stamp: str


@dataclass(frozen=True)
class RightExplanationView:
    """The explanation of a right prediction of a test sample; `image_share` is None when all weights are 0."""

    sample_id: int
    image_weights: Vector = field(repr=False)
    text_weights: Vector = field(repr=False)
    image_share: float | None
