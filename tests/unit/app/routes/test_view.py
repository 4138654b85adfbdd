"""The fragments of the page: what they say, and that data never becomes markup."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from db.session import create, finish
from tests.example_database import build
from tests.unit.app.fragment import client_of, fragment

ATTACK = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
SLOTS = ["strip", "sample", "gallery", "global", "overview", "compare"]
VIEWS = [
    *((slot, {}) for slot in SLOTS),
    ("global", {"scope": "model"}),
    ("gallery", {"within": "all", "shown": "confused", "split": "all"}),
    ("compare", {"compare": "class"}),
    ("compare", {"compare": "confusion"}),
]


def test_markup_in_data_stays_text(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'attack.db'}"
    build(url)
    engine = create(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE ocr_entry SET text = :attack"), {"attack": ATTACK})
        connection.execute(text("UPDATE category SET display_name = :attack, family = :attack"), {"attack": ATTACK})
        connection.execute(text("UPDATE category SET label = :attack WHERE id = 1"), {"attack": ATTACK})
        connection.execute(text("UPDATE sample SET path = :attack WHERE id = 1"), {"attack": ATTACK})
        connection.execute(text("UPDATE model SET name = :attack WHERE id = 1"), {"attack": ATTACK})
        connection.execute(text("UPDATE global_group SET name = :attack"), {"attack": ATTACK})
        connection.execute(text("UPDATE run SET dataset = :attack"), {"attack": ATTACK})
        confusion = json.dumps([[ATTACK, ATTACK, 1], [ATTACK, "Zeta-Juice", 2]])
        connection.execute(text("UPDATE model SET confusion = :confusion"), {"confusion": confusion})
    finish(engine)
    names = {"model": ATTACK, "class": ATTACK, "sample": ATTACK, "db": ATTACK, "pair": ATTACK, "focus": ATTACK}
    names |= {"rival": ATTACK, "off": ATTACK}
    with client_of(url) as client:
        for slot, more in VIEWS:
            elements, state = fragment(client, slot, **more, **names)
            assert state["class"] == ATTACK
            assert not [tag for tag, _ in elements.tags if tag == "script"]
            assert not elements.attributes("onerror")
            assert "x" not in elements.attributes("src")


def test_right_sample_names_class_and_certainty(client: TestClient) -> None:
    elements, state = fragment(client, "sample", sample="test/Arla-Mjölk/x_000.jpg", model="score_fusion")
    assert state == {
        "db": "example",
        "model": "score_fusion",
        "class": "Arla-Mjölk",
        "sample": "test/Arla-Mjölk/x_000.jpg",
    }
    assert "Recognised correctly" in elements.text
    assert "Arla-Mjölk 1 l" in elements.text
    assert "Why it said" in elements.text
    assert "Why not" in elements.text


def test_wrong_sample_shows_both_explanations(client: TestClient) -> None:
    elements, _ = fragment(client, "sample", sample="test/Zeta-Juice/x_001.jpg")
    assert "Mistaken" in elements.text
    assert elements.text.index("Why it said") < elements.text.index("What spoke for the true class")
    kinds = [value for value in elements.attributes("class") if value.startswith("explanation ")]
    assert kinds == ["explanation predicted", "explanation true", "explanation runner_up"]


def test_weights_without_evidence_in_favour_are_said_to_draw_nothing(client: TestClient) -> None:
    elements, _ = fragment(client, "sample", sample="test/Oat & <i>Rye</i>/x_001.jpg")
    assert "so nothing is drawn" in elements.text


def test_sample_without_text_says_so(client: TestClient) -> None:
    elements, _ = fragment(client, "sample", sample="test/Arla-Mjölk/x_001.jpg")
    assert "no text was read on this pack" in elements.text


def test_entries_stand_in_the_table_with_their_weights(client: TestClient) -> None:
    elements, _ = fragment(client, "sample", sample="test/Arla-Mjölk/x_000.jpg")
    for entry in ("MJÖLK", "<b>x</b>", "3% \"fett\" & 'socker'", "حليب", "牛奶 🥛"):
        assert entry in elements.text


def test_unexplained_sample_says_so_and_shows_its_photograph(client: TestClient) -> None:
    elements, _ = fragment(client, "sample", sample="train/Arla-Mjölk/x_003.jpg")
    assert "are not explained" in elements.text
    assert elements.attributes("src")


def test_unknown_names_fall_back_with_a_word(client: TestClient) -> None:
    names = {"db": "a", "model": "b", "class": "c", "sample": "d"}
    elements, state = fragment(client, "sample", **names)
    for name in names.values():
        assert f"“{name}”" in elements.text
    assert state["db"] == "example"
    assert state["sample"].startswith("test/")


def test_model_change_keeps_class_and_sample(client: TestClient) -> None:
    sample = "test/Zeta-Juice/x_002.jpg"
    for model in ("embracenet", "score_fusion"):
        _, state = fragment(client, "sample", **{"class": "Zeta-Juice", "sample": sample, "model": model})
        assert (state["class"], state["sample"], state["model"]) == ("Zeta-Juice", sample, model)


def test_gallery_marks_right_wrong_and_unexplained(client: TestClient) -> None:
    elements, _ = fragment(client, "gallery", split="all", **{"class": "Zeta-Juice"})
    assert sorted(elements.attributes("data-verdict")) == ["right", "right", "right", "wrong"]
    assert sorted(elements.attributes("data-split")) == ["test", "test", "test", "train"]
    assert elements.text.count("not explained") == 1
    assert len(elements.attributes("data-heat")) == 3


def test_gallery_needs_one_picture_request_a_split(client: TestClient) -> None:
    elements, _ = fragment(client, "gallery", split="all", **{"class": "Zeta-Juice"})
    sheets = {style.split("url('")[1].split("'")[0] for style in elements.attributes("style") if "url('" in style}
    assert len(sheets) == 2
    assert not elements.attributes("src")


def test_faithfulness_stands_beside_the_pictures(client: TestClient) -> None:
    elements, _ = fragment(client, "sample", model="score_fusion", sample="test/Zeta-Juice/x_000.jpg")
    badges = [(tag, attributes) for tag, attributes in elements.tags if "badge" in (attributes.get("class") or "")]
    assert badges
    for _, attributes in badges:
        assert attributes["tabindex"] == "0"
        assert attributes["aria-describedby"] in elements.attributes("id")
    assert "Explanation holds:" in elements.text
    assert "Taken away, strongest first: 30" in elements.text


@pytest.mark.parametrize("focus", ["image-", "image-99999", "text-99", f"image-{'9' * 5000}", "9", "image-²"])
def test_part_that_does_not_exist_is_not_outlined(client: TestClient, focus: str) -> None:
    elements, _ = fragment(client, "sample", sample="test/Zeta-Juice/x_001.jpg", focus=focus)
    assert "Zeta-Juice" in elements.text


@pytest.mark.parametrize("focus", ["image-3", "text-1"])
def test_part_in_the_address_is_outlined(client: TestClient, focus: str) -> None:
    elements, _ = fragment(client, "sample", sample="test/Zeta-Juice/x_001.jpg", focus=focus)
    tags = {tag for tag, attributes in elements.tags if attributes.get("class") == "chosen"}
    assert tags == ({"path"} if focus.startswith("image") else {"polygon", "tr"})
    assert "outlined: the" in elements.text


@pytest.mark.parametrize("focus", ["image-999", "text-99", "image", "image--1", "pixel-1", "text-²"])
def test_part_that_a_sample_lacks_is_ignored(client: TestClient, focus: str) -> None:
    elements, _ = fragment(client, "sample", sample="test/Zeta-Juice/x_001.jpg", focus=focus)
    assert "chosen" not in elements.attributes("class")


def test_choices_name_models_and_classes_with_their_accuracy(client: TestClient) -> None:
    choices = client.get("/view/choices").json()["choices"]
    assert [value for _, value in choices["models"]] == ["feature_concatenation", "score_fusion", "embracenet"]
    assert choices["classes"][0][1] == "Arla-Mjölk"
    assert choices["classes"][0][0].startswith("Arla-Mjölk 1 l · milk · 100")


def test_empty_database_is_said_to_be_empty(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    finish(create(url))
    with client_of(url) as client:
        for slot, more in VIEWS:
            elements, state = fragment(client, slot, **more)
            assert state["class"] is None
            if slot != "strip":
                assert "Nothing here yet" in elements.text
                assert "python -m precompute run" in elements.text


@pytest.mark.parametrize(
    "table", ["explanation", "prediction", "model", "picture", "segmentation", "global_group", "evaluation"]
)
def test_half_computed_database_is_shown_as_far_as_it_goes(tmp_path: Path, table: str) -> None:
    url = f"sqlite:///{tmp_path / 'half.db'}"
    build(url)
    engine = create(url)
    with engine.begin() as connection:
        connection.execute(text(f"DELETE FROM {table}"))
    finish(engine)
    with client_of(url) as client:
        for slot, more in VIEWS:
            _, state = fragment(client, slot, **more)
            assert state["class"] == "Arla-Mjölk"


def test_unknown_view_is_not_found(client: TestClient) -> None:
    assert client.get("/view/nope").status_code == 404
