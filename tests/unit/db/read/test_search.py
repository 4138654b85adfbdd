"""Full-text search of OCR entries, on both engines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from db import session
from db.read.reader import Reader
from tests.example_database import build


@pytest.fixture(scope="module")
def reader(example_url: str) -> Reader:
    return Reader(session.open_read_only(example_url))


def test_case_counts_for_nothing(reader: Reader) -> None:
    found = reader.search.entries("MJOLK")
    assert {hit.text for hit in found} >= {"MJOLK"}
    assert reader.search.entries("mjolk") == found


def test_all_the_words_are_in_each_hit(reader: Reader) -> None:
    assert {hit.text for hit in reader.search.entries("before best")} == {"best before"}
    assert reader.search.entries("best mjolk") == []


def test_a_hit_names_sample_class_and_entry(reader: Reader) -> None:
    (hit, *_) = reader.search.entries("102g")
    sample = reader.samples.get(hit.sample)
    assert sample is not None
    assert (sample.label, sample.split, sample.entries[hit.position].text) == (hit.label, hit.split, hit.text)


@pytest.mark.parametrize(
    "words", ["", "  ", '"', "'", "* OR (", "NEAR/2", "a:b", "-x", "nosuchword", "%", "\\", "\0", "&|!"]
)
def test_no_words_are_a_query_language(reader: Reader, words: str) -> None:
    assert [hit for hit in reader.search.entries(words) if "x" not in hit.text] == []


def test_at_most_so_many_hits(reader: Reader) -> None:
    assert len(reader.search.entries("mjolk", limit=2)) == 2


def test_accents_count_for_nothing_in_sqlite(small_database: str) -> None:
    hits = Reader(session.open_read_only(small_database)).search.entries("mjölk")
    assert {hit.text for hit in hits} == {"MJÖLK", "MJOLK", "mjölk"}


def test_vocabulary_counts_the_entries_of_each_word(reader: Reader) -> None:
    known = reader.search.vocabulary()
    for word in ("before", "102g", "mjolk"):
        assert known[word] == len(reader.search.entries(word, limit=1000))
    assert reader.search.vocabulary() == known


@pytest.mark.parametrize("words", ["best before", "MJÖLK", "102g", "nosuchword", "", "\0", '"', "a | b"])
def test_samples_with_words_are_those_of_the_entries_found(reader: Reader, words: str) -> None:
    paths = {hit.sample for hit in reader.search.entries(words, limit=1000)}
    assert reader.search.samples(words) == reader.samples.ids(sorted(paths))


def test_found_texts_hold_one_of_each_of_the_alternatives(reader: Reader) -> None:
    found = reader.search.texts([["best", "nosuchword"], ["before"]])
    assert {(one.text, one.label) for one in found} == {
        ("best before", label) for label in ("Arla-Mjölk", "Oat & <i>Rye</i>", "Zeta-Juice")
    }
    assert sum(one.entries for one in found) == len(reader.search.entries("best before", limit=1000))
    assert {one.text for one in reader.search.texts([["mjolk", "102g"]])} >= {"MJOLK", "102g"}
    assert reader.search.texts([["best"], []]) == []
    assert reader.search.texts([]) == []


@pytest.mark.parametrize("word", ["'", '"', "a'b", "\\", "*", "a | b", "(", ""])
def test_no_alternative_is_a_query_language(reader: Reader, word: str) -> None:
    assert [one.text for one in reader.search.texts([[word, "102g"]]) if one.text != "102g"] == []


def test_the_first_explained_entry_of_a_text_is_known(engine: Engine) -> None:
    """Of "best before", which every sample has, all explanations but those of one sample are taken away."""
    reader = Reader(engine)
    with engine.begin() as connection:
        of_class = (
            "SELECT sample.id FROM sample JOIN category ON category.id = sample.category_id"
            " WHERE category.label = 'Zeta-Juice'"
        )
        last = connection.scalar(text(f"SELECT max(sample_id) FROM explanation WHERE sample_id IN ({of_class})"))
        connection.execute(text("DELETE FROM explanation WHERE sample_id <> :last"), {"last": last})
    found = {one.label: one for one in reader.search.texts([["best"], ["before"]])}
    explained = found["Zeta-Juice"].explained
    assert explained is not None and explained != found["Zeta-Juice"].entry
    assert reader.search.entry_weights([explained]) and not reader.search.entry_weights([found["Zeta-Juice"].entry])
    assert found["Arla-Mjölk"].explained is None


def test_weights_of_an_entry_are_those_of_each_model_s_explanation_of_its_answer(reader: Reader) -> None:
    (hit, *_) = reader.search.entries("102g")
    found = reader.search.entry_weights([hit.entry])
    assert [one.model for one in found] == ["feature_concatenation", "score_fusion", "embracenet"]
    for one in found:
        (explained,) = (e for e in reader.explanations.of(one.model, hit.sample) if e.kind == "predicted")
        assert (one.target, one.weight) == (explained.target, explained.text_weights[hit.position])
    assert reader.search.entries_by_id([hit.entry]) == {hit.entry: hit}


@pytest.fixture
def engine(engine_url: str) -> Iterator[Engine]:
    build(engine_url)
    engine = session.create(engine_url)
    yield engine
    engine.dispose()


def test_the_index_follows_changes_and_deletions_by_cascade(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE ocr_entry SET text = 'oatmeal' WHERE text = 'best before'"))
    reader = Reader(engine)
    assert reader.search.entries("before") == []
    assert len(reader.search.entries("oatmeal")) > 0
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM category"))
    assert reader.search.entries("oatmeal") == []
