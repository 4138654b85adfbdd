"""What is misread, what is left out, and what must survive in the readings of the sample set."""

from __future__ import annotations

import numpy as np
import pytest

from precompute.dataset.planted_set.ocr_noise import Reading, misreading, planted_role, read_texts
from precompute.dataset.planted_set.products import PAIRS, Pair
from precompute.dataset.planted_set.scene import SeenText

BOX = ((1.0, 1.0), (9.0, 1.0), (9.0, 4.0), (1.0, 4.0))


def _texts(pair: Pair, twin: int) -> tuple[SeenText, ...]:
    product = pair.twins[twin]
    look = product.look
    return (
        SeenText(look.brand, "brand", BOX),
        SeenText(look.name, "name", BOX),
        SeenText(look.slogan, "slogan", BOX),
        SeenText(product.word, "word", BOX),
        SeenText(product.weight, "weight", BOX),
        *(SeenText(text, "claim", BOX) for text in look.claims),
        *(SeenText(text, "ingredient", BOX) for text in look.ingredients),
        SeenText(look.price, "price", BOX),
    )


def _telling(pair: Pair, twin: int) -> str:
    return pair.twins[twin].weight if pair.kind == "weight" else pair.twins[twin].word


def _read(pair: Pair, twin: int, seed: int) -> list[Reading]:
    return read_texts(_texts(pair, twin), pair.kind, (_telling(pair, twin), _telling(pair, 1 - twin)), seed)


def _distance(first: str, second: str) -> int:
    """Levenshtein's, plainly."""
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        above, row[0] = row[0], i
        for j, b in enumerate(second, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (a != b))
    return row[-1]


@pytest.mark.parametrize("pair", [p for p in PAIRS if p.kind != "picture"], ids=lambda p: str(p.twins[0].family))
def test_the_planted_text_is_always_read_once_and_never_nearer_to_the_twins(pair: Pair) -> None:
    misread = 0
    for seed in range(300):
        for twin in (0, 1):
            planted = [reading.text for reading in _read(pair, twin, seed) if reading.planted]
            assert len(planted) == 1
            own, other = _telling(pair, twin).casefold(), _telling(pair, 1 - twin).casefold()
            assert _distance(planted[0].casefold(), own) < _distance(planted[0].casefold(), other)
            misread += planted[0] != _telling(pair, twin)
    assert 0.02 < misread / 600 < 0.15


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: str(p.twins[0].family))
def test_twins_are_read_alike_but_for_the_planted_text(pair: Pair) -> None:
    for seed in range(50):
        first, second = (_read(pair, twin, seed) for twin in (0, 1))
        assert [r.planted for r in first] == [r.planted for r in second]
        assert [r for r in first if not r.planted] == [r for r in second if not r.planted]


def test_a_photograph_has_three_to_nine_entries_and_not_always_the_same() -> None:
    counts = {len(_read(pair, 0, seed)) for pair in PAIRS for seed in range(200)}
    assert min(counts) >= 3
    assert max(counts) <= 9
    assert len(counts) >= 5


def test_misreadings_are_less_certain_than_right_readings() -> None:
    right, wrong = [], []
    for seed in range(200):
        texts = {text.text for text in _texts(PAIRS[0], 0)}
        for reading in _read(PAIRS[0], 0, seed):
            (right if reading.text in texts else wrong).append(reading.confidence)
    assert len(wrong) > 50
    assert max(wrong) < min(right)


def test_only_the_kind_of_pair_says_which_text_is_planted() -> None:
    assert [planted_role(kind) for kind in ("word", "weight", "both", "picture")] == ["word", "weight", "word", None]


def test_misreadings_are_those_of_ocr_engines() -> None:
    random = np.random.default_rng(0)
    seen = {misreading("MJÖLK 1 liter", random) for _ in range(400)}
    assert {"MJOLK 1 liter", "MJÖLK l liter", "MJÖLK1 liter", "Mjölk 1 liter"} <= seen
    assert all(_distance(text.casefold(), "mjölk 1 liter") <= 1 for text in seen)
    assert "MJÖLK 1 liter" not in seen
