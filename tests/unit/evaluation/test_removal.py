"""What stands in for removed features."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from precompute.evaluation.removal import NEAR, draw_entries, draw_superpixels, nearby_superpixels

# A 6 x 6 grid of equal squares.
GRID = np.kron(np.arange(36).reshape(6, 6), np.ones((8, 8), dtype=int)).astype(np.int32)


@given(st.integers(0, 12), st.data())
def test_as_many_other_entries_are_drawn(entries: int, data: st.DataObject) -> None:
    removed = data.draw(st.lists(st.integers(0, max(entries - 1, 0)), unique=True, max_size=entries))
    drawn = draw_entries(entries, removed, np.random.default_rng(0))
    assert len(drawn) == len(set(drawn)) == min(len(removed), entries - len(removed))
    assert not set(drawn) & set(removed)
    assert all(0 <= entry < entries for entry in drawn)


def test_every_other_entry_may_be_drawn() -> None:
    generator = np.random.default_rng(0)
    assert {one for _ in range(100) for one in draw_entries(6, [1, 4], generator)} == {0, 2, 3, 5}


@given(st.lists(st.integers(0, 35), unique=True, min_size=1, max_size=5), st.integers(0, 9))
def test_stand_ins_are_others_near_by_and_as_many(removed: list[int], seed: int) -> None:
    drawn = draw_superpixels(nearby_superpixels(GRID, removed), np.random.default_rng(seed))
    assert len(set(drawn)) == len(removed)
    assert not set(drawn) & set(removed)


def test_nearest_come_first() -> None:
    (order,) = nearby_superpixels(GRID, [14])
    assert set(order[:4]) == {8, 13, 15, 20}
    assert set(order[4:NEAR]) == {7, 9, 19, 21}
    assert sorted(order) == [part for part in range(36) if part != 14]


def test_like_size_comes_before_nearness() -> None:
    swallowed = GRID.copy()
    swallowed[16:24, 16:40] = 14  # superpixel 14 swallows 15 and 16
    uneven = np.unique(swallowed, return_inverse=True)[1].reshape(GRID.shape).astype(np.int32)
    uneven[0:8, 0:24] = uneven[0, 0]  # and 0 its neighbours
    uneven = np.unique(uneven, return_inverse=True)[1].reshape(GRID.shape).astype(np.int32)
    large = int(uneven[20, 20])
    (order,) = nearby_superpixels(uneven, [large])
    sizes = np.bincount(uneven.ravel())
    alike = [part for part in order if sizes[large] / 2 <= sizes[part] <= 2 * sizes[large]]
    assert order[: len(alike)] == alike == [int(uneven[0, 0])]


def test_where_nothing_is_left_nothing_is_drawn() -> None:
    one = np.zeros((4, 4), dtype=np.int32)
    assert nearby_superpixels(one, [0]) == [[]]
    assert draw_superpixels([[]], np.random.default_rng(0)) == []
    assert draw_entries(2, [0, 1], np.random.default_rng(0)) == []
