"""The FineGrainOCR layout and Google Vision's JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.dataset_folder import DatasetFolder, Ingestion

CORNERS = [{"x": 2, "y": 2}, {"x": 12, "y": 2}, {"x": 12, "y": 8}]
WHOLE = {"description": "all\nof it", "boundingPoly": {"vertices": CORNERS}}
PICTURE, TEXT = "Images/0731/x.jpg", "Text/0731/x.json"


def word(text: str = "MJÖLK", vertices: Any = CORNERS, key: str = "boundingPoly") -> dict[str, Any]:
    return {"description": text, key: {"vertices": vertices}}


def write(folder: DatasetFolder, document: Any) -> None:
    folder.picture(PICTURE)
    folder.text(TEXT, document if isinstance(document, str) else json.dumps(document))


@pytest.mark.parametrize("key", ["boundingPoly", "bounding_poly"])
@pytest.mark.parametrize("wrap", [lambda words: words, lambda words: {"textAnnotations": words}])
def test_entry_0_is_the_whole_text_and_left_out(
    folder: DatasetFolder, ingestion: Ingestion, key: str, wrap: Any
) -> None:
    write(folder, wrap([WHOLE, word(key=key), word("1 l", key=key)]))
    ingestion(folder)
    sample = ingestion.samples()[PICTURE]
    assert (sample.category.label, sample.split) == ("0731", "train")
    assert [(entry.text, entry.confidence) for entry in sample.entries] == [("MJÖLK", None), ("1 l", None)]


def test_a_word_without_description_is_left_out(folder: DatasetFolder, ingestion: Ingestion) -> None:
    write(folder, [WHOLE, {"boundingPoly": {"vertices": CORNERS}}, word("1 l")])
    ingestion(folder)
    assert [entry.text for entry in ingestion.samples()[PICTURE].entries] == ["1 l"]


def test_missing_coordinates_are_zero_and_negative_ones_are_clipped(
    folder: DatasetFolder, ingestion: Ingestion
) -> None:
    write(folder, [WHOLE, word(vertices=[{}, {"x": 9}, {"x": 9, "y": 5}, {"x": -1, "y": 5}])])
    ingestion(folder)
    polygon = ingestion.samples()[PICTURE].entries[0].polygon
    assert {tuple(point) for point in polygon} == {(0, 0), (9, 0), (9, 5), (0, 5)}


@pytest.mark.parametrize("document", [[], {}, {"textAnnotations": []}, [WHOLE]])
def test_nothing_read_is_no_text_and_not_text_still_to_be_read(
    folder: DatasetFolder, ingestion: Ingestion, document: Any
) -> None:
    write(folder, document)
    ingestion(folder)
    sample = ingestion.samples()[PICTURE]
    assert sample.entries == []
    assert sample.entries_hash != ""


def test_a_picture_without_text_file_is_still_to_be_read(folder: DatasetFolder, ingestion: Ingestion) -> None:
    write(folder, [])
    folder.picture("Images/0731/y.jpg")
    ingestion(folder)
    assert ingestion.samples()["Images/0731/y.jpg"].entries_hash == ""


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ({"error": 1}, "expected a list of annotations"),
        ([WHOLE, 7], "annotation 1: an annotation is an object"),
        ([WHOLE, word(text=7)], "annotation 1: `description` is a string"),  # type: ignore[arg-type]
        ([WHOLE, {"description": "x"}], "annotation 1: `boundingPoly.vertices` is a list"),
        ([WHOLE, word(vertices=[{"x": 1}])], "at least three"),
        ([WHOLE, word(vertices=[[1, 2]] * 3)], "a vertex is an object"),
        ([WHOLE, word(vertices=[{"x": "1"}] * 3)], "finite numbers"),
        ([WHOLE, word(vertices=[{"x": 1}] * 3)], "no area inside the 40x30 picture"),
    ],
)
def test_a_text_file_with_a_fault(folder: DatasetFolder, ingestion: Ingestion, document: Any, says: str) -> None:
    write(folder, document)
    assert ingestion(folder).skipped == 1
    file, line, sample, message = ingestion.only_problem()
    assert (file, line, sample) == (TEXT, None, PICTURE)
    assert says in message and "; " in message


def test_a_text_file_without_picture(folder: DatasetFolder, ingestion: Ingestion) -> None:
    write(folder, [])
    folder.text("Text/0731/y.json", "[]")
    assert ingestion(folder).added == 1
    assert ingestion.only_problem()[0] == "Text/0731/y.json"


def test_a_picture_without_class_folder(folder: DatasetFolder, ingestion: Ingestion) -> None:
    write(folder, [])
    folder.picture("Images/x.jpg")
    assert ingestion(folder).added == 1
    assert ingestion.only_problem()[:3] == ("Images/x.jpg", None, "Images/x.jpg")
