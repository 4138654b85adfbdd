"""Searching the OCR entries by their words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, and_, select, text

from db.records.search import EntryWeight, FoundText, SearchHit
from db.schema.tables import Category, Explanation, Model, OcrEntry, Sample
from db.values import storable

Alternatives = Sequence[Iterable[str]]
"""For each word asked for, the words of the index that may stand for it."""


@dataclass(frozen=True)
class Search:
    """Full-text search; SQLite's index knows neither case nor accents, PostgreSQL's no case."""

    _engine: Engine

    def entries(self, words: str, limit: int = 50) -> list[SearchHit]:
        """OCR entries that hold all the words, best match first; case (in SQLite: and accents) counts for nothing."""
        asked = storable(words).split()
        if not asked:
            return []
        with self._engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                match, words = _SQLITE_SEARCH, " ".join(map(_quoted, asked))
            else:
                match, words = _POSTGRESQL_SEARCH, " ".join(asked)
            rows = connection.execute(text(match), {"words": words, "limit": limit}).mappings()
            return [SearchHit(**row) for row in rows]

    def samples(self, words: str) -> set[int]:
        """The keys of the samples of which an entry holds all the words; they are compared as in `entries`."""
        asked = storable(words).split()
        if not asked:
            return set()
        with self._engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                match, asked = _SQLITE_MATCH, list(map(_quoted, asked))
            else:
                match = _POSTGRESQL_WORDS
            query = text(f"SELECT DISTINCT ocr_entry.sample_id FROM ocr_entry {match}")
            return set(connection.scalars(query, {"words": " ".join(asked)}))

    def vocabulary(self) -> dict[str, int]:
        """Every word that was read, as the index has it, with the number of entries that hold it."""
        with self._engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql(_SQLITE_VOCABULARY)  # a temporary table; the file stays as it is
                query = "SELECT term, doc FROM temp.entry_words"
            else:
                query = "SELECT word, ndoc FROM ts_stat('SELECT to_tsvector(''simple'', text) FROM ocr_entry')"
            return {str(word): int(entries) for word, entries in connection.exec_driver_sql(query)}

    def texts(self, alternatives: Alternatives) -> list[FoundText]:
        """The texts that hold one word of each of the alternatives, as they were read, and how often in each class."""
        with self._engine.connect() as connection:
            match, words = _match(connection, alternatives)
            if not words:
                return []
            found = f"{_FOUND} {match} GROUP BY ocr_entry.text, sample.category_id"
            query = f"SELECT text, label, entries, entry, explained FROM ({found}) AS found {_LABELS}"
            return [FoundText._make(row) for row in connection.execute(text(query), words).all()]

    def entries_by_id(self, entries: Sequence[int]) -> dict[int, SearchHit]:
        """OCR entries by their keys."""
        query = (
            select(
                OcrEntry.id.label("entry"),
                Sample.path.label("sample"),
                Sample.split,
                Category.label,
                OcrEntry.position,
                OcrEntry.text,
            )
            .join(Sample, Sample.id == OcrEntry.sample_id)
            .join(Category, Category.id == Sample.category_id)
            .where(OcrEntry.id.in_(entries))
        )
        with self._engine.connect() as connection:
            return {row["entry"]: SearchHit(**row) for row in connection.execute(query).mappings()}

    def entry_weights(self, entries: Sequence[int]) -> list[EntryWeight]:
        """What these entries weigh in the explanation of each model that has one, in the recipe's order of models."""
        query = (
            select(
                OcrEntry.id.label("entry"),
                OcrEntry.position,
                Model.name.label("model"),
                Category.label.label("target"),
                Explanation.text_weights,
            )
            .join(Explanation, and_(Explanation.sample_id == OcrEntry.sample_id, Explanation.kind == "predicted"))
            .join(Model, Model.id == Explanation.model_id)
            .join(Category, Category.id == Explanation.category_id)
            .where(OcrEntry.id.in_(entries))
            .order_by(Model.position, Model.name)
        )
        with self._engine.connect() as connection:
            return [
                EntryWeight(row.entry, row.model, row.target, float(row.text_weights[row.position]))
                for row in connection.execute(query)
            ]


_HIT = """SELECT ocr_entry.id AS entry, sample.path AS sample, sample.split, category.label, ocr_entry.position,
  ocr_entry.text
FROM ocr_entry JOIN sample ON sample.id = ocr_entry.sample_id JOIN category ON category.id = sample.category_id"""
_SQLITE_SEARCH = f"""{_HIT} JOIN ocr_entry_fts ON ocr_entry_fts.rowid = ocr_entry.id
WHERE ocr_entry_fts MATCH :words ORDER BY ocr_entry_fts.rank, sample.path, ocr_entry.position LIMIT :limit"""
_POSTGRESQL_WORDS = "WHERE to_tsvector('simple', ocr_entry.text) @@ plainto_tsquery('simple', :words)"
_POSTGRESQL_SEARCH = f"""{_HIT} {_POSTGRESQL_WORDS}
ORDER BY ts_rank(to_tsvector('simple', ocr_entry.text), plainto_tsquery('simple', :words)) DESC,
  sample.path, ocr_entry.position LIMIT :limit"""
_SQLITE_VOCABULARY = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS temp.entry_words USING fts5vocab('main', 'ocr_entry_fts', 'row')"
)
_FOUND = """SELECT ocr_entry.text, sample.category_id, count(*) AS entries,
  min(ocr_entry.id) AS entry, min(CASE WHEN EXISTS (SELECT 1 FROM explanation
    WHERE explanation.sample_id = ocr_entry.sample_id) THEN ocr_entry.id END) AS explained
FROM ocr_entry JOIN sample ON sample.id = ocr_entry.sample_id"""
_LABELS = "JOIN category ON category.id = found.category_id"
_SQLITE_MATCH = "JOIN ocr_entry_fts ON ocr_entry_fts.rowid = ocr_entry.id WHERE ocr_entry_fts MATCH :words"
_POSTGRESQL_MATCH = "WHERE to_tsvector('simple', ocr_entry.text) @@ CAST(:words AS tsquery)"


def _match(connection: Connection, alternatives: Alternatives) -> tuple[str, Mapping[str, Any]]:
    """The condition and its parameters; none where a word has no alternative."""
    lists = [[word for word in words if word] for words in alternatives]
    if not lists or not all(lists):
        return "", {}
    if connection.dialect.name == "sqlite":
        parts, match = [" OR ".join(map(_quoted, words)) for words in lists], (" AND ", _SQLITE_MATCH)
    else:
        parts, match = [" | ".join(map(_lexeme, words)) for words in lists], (" & ", _POSTGRESQL_MATCH)
    return match[1], {"words": match[0].join(f"({part})" for part in parts)}


def _quoted(word: str) -> str:
    return '"{}"'.format(word.replace('"', '""'))


def _lexeme(word: str) -> str:
    return "'{}'".format(word.replace("\\", "\\\\").replace("'", "''"))
