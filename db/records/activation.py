"""What the reader returns of embedding classifiers and activation maps (REFERENCE.md §7)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from db.records.views import LabelProbability, Split
from db.schema.columns import Vector

MapTarget = Literal["forecast", "class", "predicted", "true", "runner_up"]
Strategy = Literal["TZZ", "TOZ", "TRR", "selected", "image", "probability"]
Variant = Literal["grad-cam", "grad-cam++", "xgrad-cam", "hires-cam", "layer-cam"]
MapStage = Literal[1, 2, 3, 4, "combined"]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class RankedFeature:
    """A selected feature of the embedding, by its index: its signed LIME weight for the forecast, its value, its place.

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
    """What an embedding classifier says of a sample and which features that rests on.

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
class MapSetting:
    """What one map shows (db/README.md, activation_map); `top` = 0 where no number of features counts."""

    target: MapTarget
    strategy: Strategy
    variant: Variant
    stage: MapStage
    top: int


@dataclass(frozen=True)
class MapView:
    """One activation map.

    `values` float32 [height, width] in 0..1 = shares of `maximum`, which the map had before it was scaled; all 0 and
    `empty` where that is below 1e-8. Of `combined` it is the mean of the four stages' scaled maps, `maximum` is 1, and
    it is empty where all four are.
    """

    setting: MapSetting
    values: Vector = field(repr=False)
    maximum: float
    empty: bool


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
class Measure:
    """A share 0..1 with the ends of its 95 % interval, beside what chance gives."""

    value: float
    low: float
    high: float
    chance: float


@dataclass(frozen=True)
class LocalisationView:
    """How well the maps of one setting point at what masks mark, over `samples` of a class and split that have one.

    `pointing_0` and `pointing_15`: share of maps whose highest point lies in the mask, or less than 15 pixels off;
    `energy`: share of the map inside the mask. `label` None = all classes; `variant` `lime` = superpixels (no target,
    strategy and stage); `empty` = maps that show nothing, which count as missing; `chosen` = the setting that does
    best on train masks.
    """

    label: str | None
    split: Split
    variant: Variant | Literal["lime"]
    target: MapTarget | None
    strategy: Strategy | None
    stage: MapStage | None
    top: int
    samples: int
    empty: int
    pointing_0: Measure
    pointing_15: Measure
    energy: Measure
    chosen: bool
