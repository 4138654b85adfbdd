"""Derived pictures and sprite sheets."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from precompute.dataset.pictures import BACKGROUND, MAX_SHEET_SIDE, SpriteSheet, sheet_layout


@given(st.integers(1, 200_000))
def test_a_sheet_has_room_for_all_and_stays_small(samples: int) -> None:
    columns, tile = sheet_layout(samples, 128)
    rows = -(-samples // columns)
    assert 1 <= tile <= 128
    assert columns * tile <= MAX_SHEET_SIDE
    assert rows <= columns


def test_tiles_keep_the_aspect_ratio_and_stand_centred() -> None:
    sheet = SpriteSheet(2, 64)
    sheet.add("wide", (64, 32), bytes(64 * 32 * 3))
    sheet.add("high", (32, 64), bytes(32 * 64 * 3))
    pixels = np.asarray(sheet._sheet)
    black = (pixels == 0).all(axis=2)
    assert black[16:48, :64].all() and black[:, 80:112].all()
    assert (pixels[:16, :64] == BACKGROUND).all() and black.sum() == 2 * 64 * 32
