"""Looking for words that are written in many ways."""

from __future__ import annotations

import sys

import pytest
from starlette.testclient import TestClient

from app.databases import Database
from app.tabs.search.find import find, similar_words
from db.definitions.spelling import fold

VOCABULARY = {"laktosfri": 9, "laktosfrl": 1, "mjolk": 5, "mjok": 2, "milk": 3, "15": 4, "150": 2, "500g": 1, "600g": 1}


def _similar(asked: str, vocabulary: dict[str, int]) -> dict[str, float]:
    return similar_words(fold(asked), vocabulary, {word: fold(word) for word in sorted(vocabulary, key=fold)})


@pytest.mark.parametrize("word", ["ägg", "öl", "weiß"])
def test_a_short_word_is_found_where_the_index_keeps_its_accents(word: str) -> None:  # PostgreSQL's does, and ß in both
    assert _similar(word, {word: 3, "salt": 2}) == {word: 1.0}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("laktosfri", {"laktosfri", "laktosfrl"}),
        ("laktofri", {"laktosfri", "laktosfrl"}),
        ("lak", {"laktosfri", "laktosfrl"}),
        ("la", set()),
        ("mjolk", {"mjolk", "mjok"}),
        ("500g", {"500g"}),  # the digits tell twins apart
        ("15", {"15"}),
        ("150", {"150"}),
    ],
)
def test_misspelt_and_begun_words_are_found(asked: str, found: set[str]) -> None:
    assert set(_similar(asked, VOCABULARY)) == found


def test_the_word_itself_comes_first_then_what_begins_with_it_then_what_is_like_it() -> None:
    likeness = _similar("mjol", {"mjol": 1, "mjolk": 1, "mjal": 1})
    assert likeness["mjol"] == 1 > likeness["mjolk"] > likeness["mjal"]


def test_spellings_of_one_word_are_one_group(database: Database) -> None:
    found = find(database, "mjölk")
    (milk, *_) = found.spellings
    assert set(milk.written) == {"mjölk", "MJOLK", "MJÖLK"}
    assert milk.entries == sum(milk.written.values()) == len(database.reader.search.entries("mjölk", limit=1000))
    assert found.classes == 3


def test_misspelt_word_leads_to_the_entry_and_its_weights(database: Database) -> None:
    (found,) = find(database, "bset befroe").spellings
    assert found.name == "best before"
    for hit in found.hits:
        assert [one.model for one in hit.weights] == ["feature_concatenation", "score_fusion", "embracenet"]
        (explained,) = (e for e in database.explanations("score_fusion", hit.entry.sample) if e.kind == "predicted")
        assert hit.weights[1].weight == explained.text_weights[hit.entry.position]


def test_words_that_no_entry_holds_together_are_found_one_by_one(database: Database) -> None:
    found = find(database, "best mjölk")
    assert found.any_word
    assert {"mjölk", "MJOLK"} & {spelling.name for spelling in found.spellings}


def test_what_was_never_read_names_what_looks_most_like_it(database: Database) -> None:
    found = find(database, "bexxre")
    assert (found.spellings, found.entries) == ([], 0)
    assert "before" in found.near


@pytest.mark.parametrize("asked", ["", "   ", "'", "%", "* OR (", "\0", "🥛"])
def test_no_words_find_nothing(database: Database, asked: str) -> None:
    assert find(database, asked).spellings == []


def test_long_questions_are_cut(database: Database) -> None:
    assert find(database, "before " * 1000).spellings[0].name.endswith("before")


def test_tab_says_what_can_be_asked_what_was_found_and_what_not(client: TestClient) -> None:
    def shown(**query: str) -> str:
        return str(client.get("/view/search", params=query).json()["html"])

    assert "Often read here" in shown()
    assert "No word like “qqqqq”" in shown(q="qqqqq")
    milk = shown(q="mjlök")
    assert "focus=text-" in milk
    assert "similar" in milk
    assert "<script>" not in shown(q="<script>")


@pytest.mark.parametrize("asked", ["mjölk", "bef", "best", "102g", "bset"])
def test_keeping_the_texts_of_common_words_changes_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    monkeypatch.setattr("app.tabs.search.find.COMMON", sys.maxsize)
    at_once = find(database, asked)
    monkeypatch.setattr("app.tabs.search.find.COMMON", 1)
    assert find(database, asked) == at_once == find(database, asked)
    assert at_once.entries
