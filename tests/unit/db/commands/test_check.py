"""Each kind of damage is found and named; a sound database has no fault."""

from __future__ import annotations

import io
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import text

from db import address, session
from db.commands.check import faults


def _faults(url: str) -> list[str]:
    return list(faults(session.open_read_only(url)))


def test_the_example_is_sound(example_url: str) -> None:
    assert _faults(example_url) == []


def _png(labels: list[int]) -> str:
    buffer = io.BytesIO()
    Image.fromarray(np.array([labels], dtype=np.uint8)).resize((256, 256), Image.Resampling.NEAREST).save(buffer, "PNG")
    return f"x'{buffer.getvalue().hex()}'"


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        ("UPDATE picture SET content = x'00' WHERE id = 1", "picture 1 (display): the bytes do not match the digest"),
        ("UPDATE picture SET width = 7 WHERE id = 2", "picture 2 (thumbnail): expected 7x128 pixels, found (96, 128)"),
        ("UPDATE mask SET content = x'00'", "mask of test/Arla-Mjölk/x_000.jpg: expected 256x256 pixels, found None"),
        ("UPDATE segmentation SET label_map = x'00' WHERE id = 1", "label map of test/Arla-Mjölk/x_000.jpg: cannot"),
        ("UPDATE segmentation SET height = 9 WHERE id = 1", "x_000.jpg: expected 256x9 pixels, found 256x256"),
        (
            f"UPDATE segmentation SET label_map = {_png([0, 1, 3])}, segments = 3 WHERE id = 1",
            "label map of test/Arla-Mjölk/x_000.jpg: expected the segment ids 0..2, found 0..3",
        ),
        ("UPDATE segmentation SET segments = 19 WHERE id = 2", ": 20 image weights for 19 superpixels"),
        ("DELETE FROM ocr_entry WHERE id = 1", ": 6 text weights for 5 entries"),
        ("UPDATE explanation SET intercept = intercept + 1", ", but surrogate_prediction = "),
        ("UPDATE explanation SET probability = 1.5 WHERE id = 3", "probability 1.5 is not in 0..1"),
        ("UPDATE explanation SET segmentation_id = 2 WHERE id = 1", "the superpixels are another sample's"),
        ("UPDATE prediction SET probability = 0.5 WHERE id = 1", "probability 0.5 differs from the vector's"),
        ("UPDATE prediction SET probabilities = x'0000803f' WHERE id = 1", "1 probabilities for 3 classes"),
        (f"UPDATE prediction SET probabilities = x'{'00' * 12}' WHERE id = 1", "are not 0..1 with a sum of 1"),
        (
            "UPDATE prediction SET category_id = 3 WHERE id = 1",
            "for test/Arla-Mjölk/x_000.jpg: Zeta-Juice is not the most probable class",
        ),
        ("UPDATE activation_map SET width = 3 WHERE id = 1", "x_000.jpg): 1024 values for 3x32"),
        (
            "UPDATE activation_map SET \"values\" = x'0040', width = 1, height = 1 WHERE id = 1",
            ": a value is not in 0..1",
        ),
        ("DELETE FROM explanation", "work unit explain-local embracenet|test/Arla-Mjölk/x_000.jpg: done, but without"),
        ("DELETE FROM prediction", "work unit predict embracenet|Zeta-Juice: done, but without a row"),
        ("PRAGMA foreign_keys=OFF; DELETE FROM category WHERE id = 2", ": points to a row of category that is not"),
    ],
)
def test_damage_is_named(small_database: str, damage: str, fault: str) -> None:
    path = address.sqlite_path(small_database)
    assert path is not None
    with sqlite3.connect(path) as connection:
        connection.executescript(damage)
    found = _faults(small_database)
    assert any(fault in line for line in found), found
    assert all("\n" not in line for line in found)


@pytest.mark.postgresql
def test_damage_is_named_on_postgresql(postgresql_url: str) -> None:
    from tests.example_database import build

    build(postgresql_url)
    with session.create(postgresql_url).begin() as connection:
        connection.execute(text("DELETE FROM explanation WHERE sample_id = 1"))
    assert len(_faults(postgresql_url)) == 3


def test_a_damaged_page_is_a_fault_and_no_crash(small_database: str) -> None:
    path = address.sqlite_path(small_database)
    assert path is not None
    content = bytearray(Path(path).read_bytes())
    with sqlite3.connect(path) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'explanation'").fetchone()
    content[(page - 1) * 8192 : page * 8192] = b"\xab" * 8192
    Path(path).write_bytes(content)
    found = _faults(small_database)
    assert any(line.startswith("file: ") for line in found)
    assert any(line.startswith("explanations: cannot be read: ") for line in found)
    assert all("\n" not in line for line in found)
