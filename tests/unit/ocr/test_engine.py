"""RapidOCR reads real text without a network."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont
from rapidfuzz.distance import Levenshtein

from db.errors import UserError
from precompute.dataset.polygons import area
from precompute.ocr.engine import RapidOcr, find_model
from tests.decoded import open_upright


@pytest.fixture(scope="module")
def no_network() -> Iterator[None]:
    """Any attempt to reach another host fails the test."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("the engine asked another host")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        patch.setattr(socket, "getaddrinfo", refuse)
        yield


@pytest.fixture(scope="module")
def engine(no_network: None) -> RapidOcr:
    return RapidOcr()


def test_a_drawn_word_is_read_where_it_stands(engine: RapidOcr) -> None:
    picture = Image.new("RGB", (400, 200), "white")
    ImageDraw.Draw(picture).text((120, 80), "LACTOSE", fill="black", font=ImageFont.load_default(48))
    (found,) = engine.read(picture)
    assert found.text == "LACTOSE"
    assert found.confidence is not None and 0.9 < found.confidence <= 1
    left, top, right, bottom = ImageDraw.Draw(picture).textbbox((120, 80), "LACTOSE", font=ImageFont.load_default(48))
    drawn = ((left, top), (right, top), (right, bottom), (left, bottom))
    xs, ys = zip(*found.polygon, strict=True)
    assert min(xs) - 3 <= left and max(xs) + 3 >= right and min(ys) - 3 <= top and max(ys) + 3 >= bottom
    assert area(found.polygon) < 3 * area(drawn)


def test_an_empty_picture_has_no_text(engine: RapidOcr) -> None:
    assert engine.read(Image.new("RGB", (200, 100), "black")) == []
    assert engine.read(Image.new("RGB", (1, 1))) == []


@pytest.mark.shared
def test_real_packages_are_read_as_the_data_set_has_them(engine: RapidOcr, groceries: Path) -> None:
    lines = (groceries / "train/metadata.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if len(row["ocr"]) >= 5][::150][:3]
    assert len(rows) == 3
    for row in rows:
        given = [e["text"] for e in row["ocr"]]
        read = [e.text for e in engine.read(open_upright(groceries / "train" / row["file_name"]))]
        matched = [t for t in given if any(Levenshtein.normalized_similarity(t, r) >= 0.75 for r in read)]
        assert len(matched) >= 0.6 * len(given), (given, read)


def test_a_missing_model_is_one_clear_sentence_and_no_download(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"stage ocr: no det model in .*; `pip install --force-reinstall rapidocr`"):
        find_model(tmp_path, "det")
