"""What an OCR engine makes of a photograph: entries left out, misread and out of order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from rapidfuzz.distance import Levenshtein

from precompute.dataset.planted_set.label import Role
from precompute.dataset.planted_set.products import Kind
from precompute.dataset.planted_set.scene import Polygon, SeenText
from precompute.recipe import derive_seed

LEAST, MOST = 3, 9

# How often a text is read at all, and how often the reading is wrong; the planted one is always read.
_READ: dict[Role, float] = {
    "brand": 0.85,
    "name": 0.8,
    "slogan": 0.5,
    "word": 0.8,
    "weight": 0.75,
    "claim": 0.45,
    "ingredient": 0.35,
    "price": 0.5,
}
_MISREAD, _MISREAD_PLANTED = 0.18, 0.1
_CONFUSED = dict(zip("O0I1liS5B8GÄÅÖäåöEmg,", "0O1l1l5S8B6AAOaaoFnq.", strict=True))


@dataclass(frozen=True)
class Reading:
    """One OCR entry; `planted` = it tells the twins apart."""

    text: str
    polygon: Polygon
    confidence: float
    planted: bool


def planted_role(kind: Kind) -> Role | None:
    """Which text tells twins of a kind apart."""
    roles: dict[Kind, Role | None] = {"word": "word", "picture": None, "weight": "weight", "both": "word"}
    return roles[kind]


def read_texts(texts: tuple[SeenText, ...], kind: Kind, twin_texts: tuple[str, str], seed: int) -> list[Reading]:
    """The entries of a photograph, 3 to 9, roughly from top to bottom.

    Args:
        twin_texts: the text that tells this product from its twin and the twin's own; not used for `picture`.
        seed: the same for twins, which are then read alike but for their planted text.
    """
    role = planted_role(kind)
    random = np.random.default_rng(seed)
    urge = [random.random() - _READ[text.role] - 9 * (text.role == role) for text in texts]
    by_urge = sorted(range(len(texts)), key=lambda i: urge[i])
    count = min(MOST, max(LEAST, sum(value < 0 for value in urge)))
    readings = []
    for index in by_urge[:count]:
        text, planted = texts[index], texts[index].role == role
        own = np.random.default_rng(derive_seed(seed, text.role, index))
        misread = own.random() < (_MISREAD_PLANTED if planted else _MISREAD)
        read = misreading(text.text, own) if misread else text.text
        if planted and not _still_means(read, *twin_texts):
            read = text.text
        confidence = own.uniform(0.52, 0.88) if read != text.text else own.uniform(0.91, 0.999)
        readings.append(Reading(read, text.polygon, round(float(confidence), 3), planted))
    readings.sort(key=lambda reading: min(y for _, y in reading.polygon) + random.normal(0, 14))
    return readings


def misreading(text: str, random: np.random.Generator) -> str:
    """A text with one mistake that OCR engines make: letters confused, lost, merged, or in the wrong case."""
    way = random.choice(("confuse", "confuse", "lose", "merge", "case"))
    if way == "confuse" and (indices := [i for i, letter in enumerate(text) if letter in _CONFUSED]):
        at = int(random.choice(indices))
        return text[:at] + _CONFUSED[text[at]] + text[at + 1 :]
    if way == "merge" and " " in text:
        return text.replace(" ", "", 1)
    if way == "case" and text.lower() != text:
        return text[0] + text[1:].lower()
    at = int(random.integers(len(text)))
    return text[:at] + text[at + 1 :]


def _still_means(read: str, own: str, twin: str) -> bool:
    """Whether a reading is clearly nearer to its own word than to the twin's, case aside."""
    read, own, twin = read.casefold(), own.casefold(), twin.casefold()
    return Levenshtein.distance(read, own) + 1 < Levenshtein.distance(read, twin) or read == own
