"""Looking for OCR entries by their words, misread and mistyped ones too, grouped by spelling."""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from rapidfuzz import process
from rapidfuzz.distance import OSA

from app.databases import Database
from db.definitions.spelling import SIMILARITY, digits, fold, words
from db.records.search import EntryWeight, FoundText, SearchHit

LONGEST, MOST_WORDS = 100, 6
ALTERNATIVES = 200
"""At most so many words of the index stand in for one that is asked for."""
LAST = chr(sys.maxunicode)
PREFIX, BEGINS = 3, 0.95
"""So many letters find the words that begin with them, as if they were so similar."""
SHOWN, HITS, FIRST_HITS = 12, 3, 8
NEAR = 5
COMMON = 500
"""A word that so many entries hold takes long to read."""


@dataclass(frozen=True)
class Hit:
    """One entry that was found, with what it weighs in each model that explains its sample."""

    entry: SearchHit
    weights: Sequence[EntryWeight]


@dataclass
class Spelling:
    """Entries of one spelling: similarity (0..1) to what was asked, how many, also by written form and by class."""

    similarity: float
    entries: int = 0
    written: Counter[str] = field(default_factory=Counter)
    classes: Counter[str] = field(default_factory=Counter)
    first: dict[str, int] = field(default_factory=dict)
    hits: list[Hit] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The most common written form."""
        return self.written.most_common(1)[0][0]


@dataclass(frozen=True)
class Found:
    """What a search gave: the best spellings first.

    `more` = further spellings that are left out; `any_word` = no entry holds all the words, so these hold one of them;
    `near` = words that were read and look most like what was asked, where nothing was found.
    """

    asked: str
    spellings: list[Spelling]
    more: int
    entries: int
    classes: int
    any_word: bool
    near: list[str]


def find(database: Database, asked: str, shown: int = SHOWN) -> Found:
    """Find the entries that hold all the words, each as it is asked for, as it begins or as it may be misread."""
    asked = " ".join(asked[:LONGEST].split())
    wanted = [fold(word) for word in words(asked)][:MOST_WORDS]
    vocabulary, folded = database.vocabulary(), database.folded_vocabulary()
    alternatives = [similar_words(word, vocabulary, folded) for word in wanted]
    texts = _texts(database, alternatives)
    any_word = not texts and len(wanted) > 1
    if any_word:
        together = {word: likeness for found in alternatives for word, likeness in found.items()}
        alternatives = [together]
        texts = _texts(database, alternatives)
    spellings = _by_spelling(texts, alternatives)
    for spelling in spellings[:shown]:
        hits = FIRST_HITS if spelling is spellings[0] else HITS
        spelling.first = {label: spelling.first[label] for label, _ in spelling.classes.most_common(hits)}
    _add_hits(database, spellings[:shown])
    return Found(
        asked=asked,
        spellings=spellings[:shown],
        more=max(len(spellings) - shown, 0),
        entries=sum(spelling.entries for spelling in spellings),
        classes=len({label for spelling in spellings for label in spelling.classes}),
        any_word=any_word and bool(spellings),
        near=[] if spellings else _near(wanted, vocabulary),
    )


def _texts(database: Database, alternatives: list[dict[str, float]]) -> list[FoundText]:
    """As `Reader.search.texts`; the texts with a common word are read once."""
    if len(alternatives) != 1:
        return database.reader.search.texts(alternatives)
    entries = database.vocabulary()
    rare = [word for word in alternatives[0] if entries.get(word, 0) < COMMON]
    common = [word for word in alternatives[0] if entries.get(word, 0) >= COMMON]
    found = [database.reader.search.texts([rare]), *map(database.texts_with, common)]
    return list({(one.text, one.label): one for texts in found for one in texts}.values())


def similar_words(word: str, vocabulary: Mapping[str, int], folded: Mapping[str, str]) -> dict[str, float]:
    """The words that may be meant, with their similarity in 0..1: the word itself, misspellings, longer ones.

    Two letters that changed places count as one slip of the hand.

    Args:
        word: folded.
        vocabulary: how often each of the words to choose from was read; PostgreSQL's keep their accents.
        folded: the same words, folded, in the order of these forms.
    """
    own = digits(word)
    scored = process.extract(
        word, folded, scorer=OSA.normalized_similarity, score_cutoff=SIMILARITY, limit=ALTERNATIVES
    )
    found = {known: float(likeness) for _, likeness, known in scored if digits(known) == own}
    if len(word) >= PREFIX:
        names = list(folded.values())
        first, last = bisect_left(names, word), bisect_left(names, word + LAST)
        longer = sorted(islice(folded, first, last), key=lambda known: -vocabulary[known])
        for known in longer[:ALTERNATIVES]:
            found[known] = max(found.get(known, 0.0), BEGINS)
    return found


def _by_spelling(texts: list[FoundText], alternatives: list[dict[str, float]]) -> list[Spelling]:
    spellings: dict[tuple[str, ...], Spelling] = {}
    alternatives = [
        {fold(known): found[known] for known in sorted(found, key=found.__getitem__)} for found in alternatives
    ]
    matched = {text: _matched(text, alternatives) for text in {found.text for found in texts}}
    for found in sorted(texts, key=lambda found: found.explained is None):  # whose weights can be shown comes first
        key, written, likeness = matched[found.text]
        if key not in spellings:
            spellings[key] = Spelling(likeness)
        spelling = spellings[key]
        spelling.entries += found.entries
        spelling.written[written] += found.entries
        spelling.classes[found.label] += found.entries
        spelling.first.setdefault(found.label, found.explained or found.entry)
    ranked = sorted(spellings.items(), key=lambda item: (-item[1].similarity, -item[1].entries, item[0]))
    return [spelling for _, spelling in ranked]


def _matched(text: str, alternatives: list[dict[str, float]]) -> tuple[tuple[str, ...], str, float]:
    """The words of a text that stand for those asked for: folded, as written, and their least similarity."""
    written = {fold(word): word for word in reversed(words(text))}
    chosen = []
    for found in alternatives:
        likest = max((word for word in written if word in found), key=lambda word: found[word], default=None)
        if likest is None:  # the engine divides this text into words in another way
            return (fold(text),), text, SIMILARITY
        chosen.append((likest, found[likest]))
    key = tuple(word for word, _ in chosen)
    name = text if len(written) == len(key) else " ".join(written[word] for word in key)
    return key, name, min(likeness for _, likeness in chosen)


def _add_hits(database: Database, spellings: list[Spelling]) -> None:
    """One example of each class, of those with the most entries, for each spelling."""
    entries = [entry for spelling in spellings for entry in spelling.first.values()]
    hits = database.reader.search.entries_by_id(entries)
    weights: dict[int, list[EntryWeight]] = defaultdict(list)
    for weight in database.reader.search.entry_weights(entries):
        weights[weight.entry].append(weight)
    for spelling in spellings:
        spelling.hits = [Hit(hits[entry], weights[entry]) for entry in spelling.first.values() if entry in hits]


def _near(wanted: list[str], vocabulary: Mapping[str, int]) -> list[str]:
    """Words that were read, by how much they look like one that was asked for."""
    scored = [
        (likeness, known)
        for word in wanted
        for known, likeness, _ in process.extract(
            word, vocabulary.keys(), scorer=OSA.normalized_similarity, score_cutoff=0.4, limit=NEAR
        )
    ]
    return list(dict.fromkeys(known for _, known in sorted(scored, reverse=True)))[:NEAR]
