"""The Gallery tab: filters, orders, and what leads to it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs

import pytest
from starlette.testclient import TestClient

from app.databases import Database
from db.session import create, finish
from tests.example_database import build
from tests.unit.app.fragment import Elements, client_of, fragment

LABELS = ("Arla-Mjölk", "Oat & <i>Rye</i>", "Zeta-Juice")


def shown(elements: Elements) -> list[str]:
    return elements.attributes("data-path")


def test_confused_samples_of_a_class_are_found(client: TestClient) -> None:
    names = {"class": "Zeta-Juice", "shown": "confused", "model": "score_fusion"}
    elements, _ = fragment(client, "gallery", rival="Arla-Mjölk", **names)
    assert shown(elements) == ["test/Zeta-Juice/x_001.jpg"]
    assert "Taken for Arla-Mjölk 1 l" in elements.text
    none, _ = fragment(client, "gallery", rival="Oat & <i>Rye</i>", **names)
    assert shown(none) == []
    assert "No sample fits these filters" in none.text


def test_all_classes_stand_together_and_name_their_own(client: TestClient) -> None:
    elements, _ = fragment(client, "gallery", within="all", shown="wrong", model="score_fusion")
    assert shown(elements) == ["test/Oat & <i>Rye</i>/x_000.jpg", "test/Zeta-Juice/x_001.jpg"]
    assert "All classes" in elements.text
    assert "is Oat & <i>Rye</i>" in " ".join(elements.text.split())
    leads = [parse_qs(href.lstrip("?"))["class"][0] for href in elements.attributes("href")]
    assert leads == ["Oat & <i>Rye</i>", "Zeta-Juice"]


@pytest.mark.parametrize("within", ["class", "all"])
def test_samples_on_whose_packs_a_word_was_read(client: TestClient, database: Database, within: str) -> None:
    elements, _ = fragment(client, "gallery", within=within, word="mjölk", split="all", **{"class": "Zeta-Juice"})
    read = {hit.sample for hit in database.reader.search.entries("mjölk", limit=1000)}
    assert set(shown(elements)) == {path for path in read if within == "all" or "/Zeta-Juice/" in path}
    assert shown(elements) and "With the word “mjölk”" in elements.text


def test_counts_of_a_search_lead_to_the_samples(client: TestClient, database: Database) -> None:
    elements, _ = fragment(client, "search", q="mjölk")
    leads = [parse_qs(href.lstrip("?")) for href in elements.attributes("href") if "word=" in href]
    (everywhere,) = {tuple(names["within"]) for names in leads if "within" in names}
    assert everywhere == ("all",)
    assert {names["tab"][0] for names in leads} == {"gallery"}
    assert {names["class"][0] for names in leads} >= {
        hit.label for hit in database.reader.search.entries("mjölk", limit=1000)
    }


@pytest.mark.parametrize("within", ["class", "all"])
def test_tagged_samples_alone(client: TestClient, within: str) -> None:
    paths = ["test/Zeta-Juice/x_002.jpg", "train/Zeta-Juice/x_003.jpg", "test/Arla-Mjölk/x_000.jpg", "nobody"]
    query = "&".join(f"tagged={path}" for path in paths)
    answer = client.get(f"/view/gallery?class=Zeta-Juice&shown=tagged&within={within}&split=all&{query}").json()
    assert set(shown(Elements(answer["html"]))) == set(paths[: 2 if within == "class" else 3])
    empty, _ = fragment(client, "gallery", shown="tagged", within=within)
    assert "You have not tagged any of these samples yet" in empty.text


@pytest.mark.parametrize("within", ["class", "all"])
def test_image_share_selects_and_orders(client: TestClient, database: Database, within: str) -> None:
    labels = LABELS if within == "all" else LABELS[2:]
    shares = {
        one.sample: one.image_share or 0.0
        for label in labels
        for one in database.reader.explanations.image_shares("score_fusion", label)
    }
    middle = sorted(shares.values())[len(shares) // 2]
    names = {"class": "Zeta-Juice", "within": within, "model": "score_fusion", "split": "all"}
    elements, _ = fragment(client, "gallery", share=f"{middle:.3f}-1", sort="words", **names)
    expected = sorted((path for path in shares if shares[path] >= float(f"{middle:.3f}")), key=shares.__getitem__)
    assert shown(elements) == expected
    assert elements.text.count("picture ") == len(expected)


def test_trust_orders_a_class_and_is_written_under_its_pictures(client: TestClient) -> None:
    names = {"class": "Zeta-Juice", "model": "score_fusion"}
    worst, _ = fragment(client, "gallery", sort="doubtful", **names)
    best, _ = fragment(client, "gallery", sort="trusted", **names)
    assert len(shown(worst)) == 3
    assert sorted(shown(worst)) == sorted(shown(best))
    levels = [["weak", "fair", "good"].index(word.split()[0]) for word in worst.text.split("holds: ")[1:]]
    assert levels == sorted(levels)


def test_bars_and_cells_of_the_overview_lead_to_the_samples_that_they_count(
    client: TestClient, database: Database
) -> None:
    overview, _ = fragment(client, "overview", model="score_fusion")
    hrefs = [href for href in overview.attributes("href") if "tab=gallery" in href]
    links = {key: [href for href in hrefs if f"{key}=" in href] for key in ("share", "sure", "rival")}
    assert all(links.values())
    outcomes = database.outcomes("score_fusion")
    for key, total in (("share", int(outcomes.explained.sum())), ("sure", int(outcomes.is_test.sum()))):
        own = [href for href in links[key] if "model=score_fusion" in href]
        found = [shown(fragment(client, "gallery", **_single(href))[0]) for href in own]
        assert all(found)
        assert sum(map(len, found)) == total
    for href in links["rival"]:
        assert shown(fragment(client, "gallery", **_single(href))[0])


def _single(href: str) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(href.lstrip("?")).items()}


def test_overview_says_how_far_certainty_can_be_trusted(client: TestClient) -> None:
    elements, _ = fragment(client, "overview", model="score_fusion")
    assert "more careful than it need be" in elements.text  # 60 % to 75 % certain, 7 of 9 right
    assert "expected calibration error" in elements.text


def test_more_samples_than_are_shown_at_once_are_counted(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'many.db'}"
    build(url, classes=3, samples=140, models=1)
    with client_of(url) as client:
        elements, _ = fragment(client, "gallery", within="all", split="all")
    assert len(shown(elements)) == 300
    assert "120 more fit" in elements.text


def test_model_without_predictions_says_so(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'none.db'}"
    build(url)
    engine = create(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM prediction")
    finish(engine)
    with client_of(url) as client:
        elements, _ = fragment(client, "gallery", within="all")
        assert "has not been asked about any sample yet" in elements.text
        overview, _ = fragment(client, "overview")
        assert "No test sample has a prediction yet" in overview.text
