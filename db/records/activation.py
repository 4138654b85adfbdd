"""What the reader returns of activation maps (docs/definitions.md, Activation map)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from db.records.samples import Split
from db.values import Vector

MapTarget = Literal["forecast", "class", "predicted", "true", "runner_up"]
Strategy = Literal["TZZ", "TOZ", "TRR", "selected", "image", "probability"]
Variant = Literal["grad-cam", "grad-cam++", "xgrad-cam", "hires-cam", "layer-cam"]
MapStage = Literal[1, 2, 3, 4, "combined"]


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
