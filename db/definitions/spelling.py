"""When two written words are one: case, accents and misreadings count for little, digits for everything."""

from __future__ import annotations

import re
import unicodedata

from rapidfuzz.distance import Levenshtein

SIMILARITY = 0.75
"""P1's match ratio (docs/definitions.md, Text match)."""

_WORD = re.compile(r"[^\W_]+")


def fold(text: str) -> str:
    """The text without case and diacritics: MJÖLK, MjÖlk and MJOLK become mjolk."""
    apart = unicodedata.normalize("NFD", unicodedata.normalize("NFD", text).casefold())
    return "".join(character for character in apart if not unicodedata.combining(character))


def digits(text: str) -> str:
    """The numerals of a text in their order (Unicode category N, so ½ and ² count too): 15 for 1,5%."""
    return "".join(character for character in text if unicodedata.category(character).startswith("N"))


def same_word(one: str, other: str, similarity: float) -> bool:
    """Whether two texts match: equal digits, and folded forms that are at least that similar.

    Definition: docs/definitions.md, Text match.
    """
    left, right = fold(one), fold(other)
    return digits(left) == digits(right) and Levenshtein.normalized_similarity(left, right) >= similarity


def words(text: str) -> list[str]:
    """The words and numbers of a text as they are written; what stands between them is dropped."""
    return _WORD.findall(unicodedata.normalize("NFC", text))
