"""What the reader returns of embedding classifiers (docs/definitions.md, Embedding classifier)."""

from __future__ import annotations

from dataclasses import dataclass, field

from db.records.activation import Strategy
from db.records.predictions import LabelProbability
from db.records.samples import Split
from db.values import Vector

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class RankedFeature:
    """A selected feature of the embedding: index, signed LIME weight for the forecast, value, and where it fires.

    `box` = left, top, right, bottom as shares 0..1 of the picture: the cell of the last stage where it fires most.
    """

    feature: int
    weight: float
    value: float
    box: Box


@dataclass(frozen=True)
class Similarity:
    """The cosine, -1..1, of an embedding and the vector imputed from it; `top` = 0 where no number counts."""

    strategy: Strategy
    top: int
    cosine: float


@dataclass(frozen=True)
class ForecastView:
    """An embedding classifier's forecast for a sample and the features that it rests on.

    `label` = the sample's own class; `predicted` = the forecast, which the features' weights are for;
    `probabilities` of all classes, the most probable first; `features` by falling |weight|.
    """

    model: str
    sample: str
    label: str
    predicted: str
    probability: float
    probabilities: tuple[LabelProbability, ...]
    features: tuple[RankedFeature, ...]
    similarities: tuple[Similarity, ...]


@dataclass(frozen=True)
class SimilarityView:
    """Mean and standard deviation over `samples` of the cosine of embedding and imputed vector (P2 Table 2).

    The same in every stage, since the imputed vector does not depend on it; `label` None = all classes.
    """

    label: str | None
    strategy: Strategy
    top: int
    mean: float
    sd: float
    samples: int


@dataclass(frozen=True)
class AucView:
    """Area under the ROC curve, one class against the rest, over test samples.

    `auc` = mean over the classes; `by_class` None of a class without test samples; `features` = number selected;
    `tops` = (n, auc) of forests on the n features with the highest mutual information alone.
    """

    auc: float | None
    by_class: dict[str, float | None]
    features: int
    tops: tuple[tuple[int, float | None], ...]


@dataclass(frozen=True)
class FeaturePlace:
    """A picture in which a feature is high, and where: `box` = left, top, right, bottom as shares 0..1 of it."""

    sample: str
    split: Split
    value: float
    box: Box


@dataclass(frozen=True)
class ClassFeatureView:
    """A feature that forecasts of one class rest on.

    `samples` of `forecasts` have it among their `top` highest ranked; `mean_weight` = mean |weight| over all of them.
    """

    rank: int
    feature: int
    samples: int
    forecasts: int
    top: int
    mean_weight: float
    places: tuple[FeaturePlace, ...]


@dataclass(frozen=True)
class StoredForecast:
    """A forecast as the stages need it: `predicted` = its class, `label` = the sample's own.

    `features`, `weights`, `values` and `boxes` are of the selected features by falling |weight|; `probabilities` of all
    classes in the model's order; `similarities` = (strategy, top, cosine).
    """

    sample_id: int
    path: str
    split: Split
    label: str
    predicted: str
    features: list[int]
    weights: Vector = field(repr=False)
    values: Vector = field(repr=False)
    boxes: list[list[float]] = field(repr=False)
    similarities: list[tuple[str, int, float]] = field(repr=False)
    probabilities: Vector = field(repr=False)
