"""Where the parts of a label stand, for each shape of package and arrangement."""

from __future__ import annotations

from dataclasses import dataclass

from precompute.dataset.planted_set.products import Arrangement, Shape
from precompute.dataset.planted_set.typography import Box


@dataclass(frozen=True)
class Plan:
    """Places as shares of the panel's width; y runs to the panel's height / width."""

    brand: Box
    name: Box
    slogan: Box
    disc: tuple[float, float, float]
    word: Box
    weight: Box
    claims: tuple[Box, Box]


# Width and height of the front panel in pixels, and of the whole picture that is wrapped round a pot or can.
PANELS: dict[Shape, tuple[int, int]] = {"gable": (400, 490), "box": (400, 490), "pot": (400, 400), "can": (400, 470)}
WRAPS: dict[Shape, int] = {"gable": 400, "box": 400, "pot": 940, "can": 860}

PLANS: dict[tuple[Shape, Arrangement], Plan] = {
    ("gable", "centred"): Plan(
        brand=(0.08, 0.05, 0.92, 0.19),
        name=(0.15, 0.21, 0.85, 0.30),
        slogan=(0.2, 0.315, 0.8, 0.375),
        disc=(0.5, 0.67, 0.275),
        word=(0.27, 1.0, 0.73, 1.07),
        weight=(0.68, 1.11, 0.94, 1.18),
        claims=((0.05, 1.11, 0.36, 1.18), (0.02, 0.44, 0.21, 0.48)),
    ),
    ("gable", "low"): Plan(
        brand=(0.07, 0.72, 0.93, 0.86),
        name=(0.15, 0.88, 0.85, 0.97),
        slogan=(0.22, 0.04, 0.78, 0.1),
        disc=(0.5, 0.41, 0.285),
        word=(0.25, 1.01, 0.75, 1.08),
        weight=(0.64, 1.12, 0.95, 1.18),
        claims=((0.05, 1.125, 0.58, 1.175), (0.04, 0.125, 0.2, 0.16)),
    ),
    ("box", "centred"): Plan(
        brand=(0.08, 0.06, 0.92, 0.21),
        name=(0.12, 0.23, 0.88, 0.33),
        slogan=(0.2, 0.345, 0.8, 0.4),
        disc=(0.5, 0.69, 0.265),
        word=(0.3, 1.01, 0.7, 1.08),
        weight=(0.68, 1.12, 0.95, 1.18),
        claims=((0.05, 1.125, 0.33, 1.175), (0.04, 0.46, 0.22, 0.5)),
    ),
    ("box", "low"): Plan(
        brand=(0.08, 0.76, 0.92, 0.9),
        name=(0.28, 0.91, 0.72, 1.0),
        slogan=(0.2, 0.06, 0.8, 0.125),
        disc=(0.5, 0.44, 0.27),
        word=(0.24, 1.025, 0.76, 1.09),
        weight=(0.74, 1.125, 0.95, 1.185),
        claims=((0.05, 1.13, 0.36, 1.18), (0.4, 1.13, 0.66, 1.18)),
    ),
    ("pot", "low"): Plan(
        brand=(0.1, 0.6, 0.9, 0.74),
        name=(0.24, 0.75, 0.76, 0.83),
        slogan=(0.02, 0.1, 0.24, 0.14),
        disc=(0.5, 0.32, 0.26),
        word=(0.32, 0.85, 0.68, 0.915),
        weight=(0.76, 0.86, 0.95, 0.92),
        claims=((0.06, 0.865, 0.26, 0.91), (0.76, 0.1, 0.98, 0.14)),
    ),
    ("pot", "aside"): Plan(
        brand=(-0.06, 0.1, 0.48, 0.22),
        name=(-0.02, 0.25, 0.44, 0.37),
        slogan=(0.0, 0.4, 0.42, 0.46),
        disc=(0.75, 0.42, 0.29),
        word=(0.02, 0.54, 0.4, 0.61),
        weight=(0.1, 0.69, 0.32, 0.77),
        claims=((0.02, 0.84, 0.4, 0.89), (0.56, 0.84, 0.94, 0.89)),
    ),
    ("can", "centred"): Plan(
        brand=(0.08, 0.1, 0.92, 0.25),
        name=(0.16, 0.27, 0.84, 0.355),
        slogan=(0.22, 0.37, 0.78, 0.425),
        disc=(0.5, 0.66, 0.22),
        word=(0.28, 0.91, 0.72, 0.97),
        weight=(0.36, 1.0, 0.64, 1.075),
        claims=((0.04, 1.02, 0.26, 1.065), (0.72, 1.02, 0.98, 1.065)),
    ),
    ("can", "low"): Plan(
        brand=(0.07, 0.66, 0.93, 0.79),
        name=(0.28, 0.8, 0.72, 0.89),
        slogan=(0.24, 0.05, 0.76, 0.1),
        disc=(0.5, 0.38, 0.265),
        word=(0.33, 0.92, 0.67, 0.99),
        weight=(0.38, 1.03, 0.62, 1.09),
        claims=((0.04, 1.04, 0.3, 1.085), (0.7, 1.04, 0.98, 1.085)),
    ),
}
