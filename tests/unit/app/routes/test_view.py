"""The fragments of the page: what they say, and that data never becomes markup."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from starlette.testclient import TestClient

from app.databases import Library, open_libraries
from app.routes.view import view_router
from db.session import create, finish
from tests.example_database import build

ATTACK = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
SLOTS = ["strip", "sample", "gallery", "global", "overview", "compare"]
VIEWS = [
    *((slot, {}) for slot in SLOTS),
    ("global", {"scope": "model"}),
    ("gallery", {"within": "all", "shown": "confused", "split": "all"}),
    ("compare", {"compare": "class"}),
    ("compare", {"compare": "confusion"}),
]


class Elements(HTMLParser):
    """Collects what a browser would make of a fragment."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def attributes(self, name: str) -> list[str]:
        return [value for _, attributes in self.tags if (value := attributes.get(name)) is not None]


def fragment(client: TestClient, slot: str, **query: str) -> tuple[Elements, dict[str, Any]]:
    answer = client.get(f"/view/{slot}?{urlencode(query)}")
    assert answer.status_code == 200
    body = answer.json()
    return Elements(body["html"]), body["state"]


def client_of(url: str) -> TestClient:
    server = FastAPI()
    server.include_router(view_router(open_libraries([url]), None))
    return TestClient(server)


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


def test_global_tab_shows_groups_members_and_histogram(client: TestClient) -> None:
    elements, _ = fragment(client, "global", **{"class": "Zeta-Juice"})
    assert "Picture part 1" in elements.text
    assert "Drop test" in elements.text
    assert [src for src in elements.attributes("src") if "/part/image" in src]
    assert [src for src in elements.attributes("src") if "/part/text" in src]
    bars = [href for href in elements.attributes("href") if "share=" in href]
    assert {"within=class" in href for href in bars} == {True, False}


def test_a_group_opens_down_to_its_samples_and_their_parts(client: TestClient, library: Library) -> None:
    elements, state = fragment(client, "global", **{"class": "Zeta-Juice"})
    group = library.reader.groups.of_class(state["model"], "Zeta-Juice", "image")[0]
    assert "image-1" in elements.attributes("data-open")
    for member in group.members:
        wanted = urlencode({"sample": member.sample, "focus": f"image-{member.feature}"})
        assert [href for href in elements.attributes("href") if wanted in href]


def test_shared_groups_are_said_to_tell_nothing_apart(client: TestClient) -> None:
    elements, _ = fragment(client, "global", model="score_fusion", **{"class": "Zeta-Juice"})
    assert "Also in: Arla-Mjölk 1 l" in elements.text
    assert "does not tell them apart" in elements.text
    silent, _ = fragment(client, "global", model="embracenet", **{"class": "Zeta-Juice"})
    assert "Also in" not in silent.text


def test_noise_and_score_stand_over_the_groups(client: TestClient, library: Library) -> None:
    elements, _ = fragment(client, "global", model="score_fusion", **{"class": "Zeta-Juice"})
    members = sum(len(group.members) for group in library.reader.groups.of_class("score_fusion", "Zeta-Juice", "image"))
    assert f"2 of {members + 2} parts fit no group" in elements.text
    assert "NormLIME" in elements.text


def test_class_without_groups_says_why(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'none.db'}"
    build(url)
    engine = create(url)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM global_group"))
        reason = "no parts were found that stand out from the rest in 2 of 3 samples"
        figures = json.dumps({"parts": 3, "noise": 3, "groups": 0, "reason": reason})
        connection.execute(text("UPDATE evaluation SET figures = :figures WHERE kind = 'groups'"), {"figures": figures})
    finish(engine)
    with client_of(url) as client:
        elements, _ = fragment(client, "global", **{"class": "Zeta-Juice"})
        whole, _ = fragment(client, "global", scope="model", model="score_fusion")
    assert f"There is no group of picture parts: {reason}." in whole.text
    assert "3 of 3 parts fit no group" in elements.text
    assert f"There is no group of picture parts: {reason}." in elements.text


def test_whole_model_ranks_classes_by_their_median_image_share(client: TestClient, library: Library) -> None:
    elements, _ = fragment(client, "global", model="score_fusion", scope="model")
    shares = {
        title: median(
            share.image_share
            for share in library.reader.explanations.image_shares("score_fusion", label)
            if share.image_share is not None
        )
        for label, title in library.titles().items()
    }
    ranked = sorted(shares, key=lambda title: -shares[title])
    rows = elements.text[elements.text.index("Classes by picture or words") :]
    assert sorted(ranked, key=rows.index) == ranked


def test_whole_model_shows_the_groups_of_confused_classes_side_by_side(client: TestClient) -> None:
    names = {"model": "score_fusion", "scope": "model"}
    first, _ = fragment(client, "global", **names)
    assert first.attributes("value") == ["Arla-Mjölk~Zeta-Juice", "Oat & <i>Rye</i>~Zeta-Juice"]
    others = [href for href in first.attributes("href") if "pair=Arla" in href]
    assert [parse_qs(href.lstrip("?"))["model"] for href in others] == [["feature_concatenation"], ["embracenet"]]
    asked, _ = fragment(client, "global", pair="Arla-Mjölk~Oat & <i>Rye</i>", **names)
    assert "Arla-Mjölk~Oat & <i>Rye</i>" in asked.attributes("value")
    turned, _ = fragment(client, "global", pair="Zeta-Juice~Arla-Mjölk", **names)
    assert turned.attributes("value") == first.attributes("value")
    assert "Both classes have it" in first.text
    second, _ = fragment(client, "global", pair="Oat & <i>Rye</i>~Zeta-Juice", **names)
    chosen = [attributes["value"] for tag, attributes in second.tags if tag == "option" and "selected" in attributes]
    assert chosen == ["Oat & <i>Rye</i>~Zeta-Juice"]
    unknown, _ = fragment(client, "global", pair="nope", **names)
    assert "does not hold the two classes" in unknown.text


def test_deletion_is_said_in_words_and_numbers(client: TestClient) -> None:
    elements, _ = fragment(client, "global", model="score_fusion", scope="model")
    assert (
        "Removing the picture parts that the model says it relies on costs it 38 points of accuracy; "
        "removing as much at random costs 10 points."
    ) in elements.text
    assert "too small to rule out chance" in elements.text
    assert "+17.0 to +39.0" in elements.text
    assert "evaluate deletion" not in elements.text


def test_missing_evaluations_name_their_commands(client: TestClient) -> None:
    whole, _ = fragment(client, "global", model="embracenet", scope="model")
    assert "python -m precompute evaluate deletion --db" in whole.text
    sample, _ = fragment(client, "sample", model="embracenet", sample="test/Zeta-Juice/x_000.jpg")
    assert "python -m precompute evaluate faithfulness --db" in sample.text
    assert "Stability" in sample.text


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
