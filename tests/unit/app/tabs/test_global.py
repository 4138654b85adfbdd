"""The Global tab: groups, shared groups, confused classes, the deletion test."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from urllib.parse import parse_qs, urlencode

from sqlalchemy import text
from starlette.testclient import TestClient

from app.databases import Database
from db.session import create, finish
from db.write.writer import Writer
from tests.example_database import build
from tests.unit.app.fragment import client_of, fragment


def test_global_tab_shows_groups_members_and_histogram(client: TestClient) -> None:
    elements, _ = fragment(client, "global", **{"class": "Zeta-Juice"})
    assert "Picture part 1" in elements.text
    assert "Drop test" in elements.text
    assert [src for src in elements.attributes("src") if "/part/image" in src]
    assert [src for src in elements.attributes("src") if "/part/text" in src]
    bars = [href for href in elements.attributes("href") if "share=" in href]
    assert {"within=class" in href for href in bars} == {True, False}


def test_a_group_opens_down_to_its_samples_and_their_parts(client: TestClient, database: Database) -> None:
    elements, state = fragment(client, "global", **{"class": "Zeta-Juice"})
    group = database.reader.groups.of_class(state["model"], "Zeta-Juice", "image")[0]
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


def test_noise_and_score_stand_over_the_groups(client: TestClient, database: Database) -> None:
    elements, _ = fragment(client, "global", model="score_fusion", **{"class": "Zeta-Juice"})
    members = sum(
        len(group.members) for group in database.reader.groups.of_class("score_fusion", "Zeta-Juice", "image")
    )
    assert f"2 of {members + 2} parts fit no group" in elements.text
    assert "NormLIME" in elements.text


def test_the_score_named_is_that_of_the_run_that_ranked_not_of_one_opened_later(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'later.db'}"
    build(url)
    engine = create(url)
    settings = {"recipe": {"seed": 7, "global": {"score": "sp_lime"}}}
    Writer(engine).start_run(settings=settings, settings_hash="later", seed=7, versions={}, dataset="/d", artifacts="a")
    finish(engine)
    elements, _ = fragment(client_of(url), "global", model="score_fusion", **{"class": "Zeta-Juice"})
    assert "NormLIME" in elements.text
    assert "SP-LIME" not in elements.text


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


def test_whole_model_ranks_classes_by_their_median_image_share(client: TestClient, database: Database) -> None:
    elements, _ = fragment(client, "global", model="score_fusion", scope="model")
    shares = {
        title: median(
            share.image_share
            for share in database.reader.explanations.image_shares("score_fusion", label)
            if share.image_share is not None
        )
        for label, title in database.titles().items()
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
