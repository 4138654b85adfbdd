"""The Search tab: words on the packs across all classes, and what each occurrence weighs."""

from __future__ import annotations

from dataclasses import dataclass

from app.databases import Database
from app.routes.media_addresses import picture_address
from app.tabs import note
from app.tabs.choice import Choice
from app.tabs.search.find import Found, Hit, Spelling, find
from app.templating import link, render
from app.view_state import ViewState

SHOWN_CLASSES, SHOWN_SPELLINGS, EXAMPLES = 6, 6, 12
LETTERS = 4
"""An example has at least so many letters: shorter words tell little."""


@dataclass(frozen=True)
class ClassLink:
    """A class that holds a spelling, so many times."""

    title: str
    href: str
    count: int


@dataclass(frozen=True)
class Cell:
    """What an entry weighs for one model; `share` of the largest weight shown; no value where it is not explained."""

    model: str
    value: float | None
    share: float
    tip: str


@dataclass(frozen=True)
class HitLine:
    """One entry, with the way to its sample."""

    text: str
    title: str
    path: str
    href: str
    picture: str
    cells: list[Cell]


@dataclass(frozen=True)
class SpellingCard:
    """One spelling; `written` = the other ways in which it is written; `more` classes are not named.

    `href` leads to the samples of all classes on whose packs it was read, a class's link to those of the class.
    """

    name: str
    href: str
    exact: bool
    entries: int
    written: list[tuple[str, int]]
    classes: list[ClassLink]
    more: int
    hits: list[HitLine]


@dataclass(frozen=True)
class SearchPage:
    """All that the template shows."""

    notices: tuple[str, ...]
    found: Found | None
    cards: list[SpellingCard]
    models: list[str]
    examples: list[tuple[str, str]]
    near: list[tuple[str, str]]


def search_fragment(choice: Choice, state: ViewState) -> str:
    """What was found, or what can be looked for."""
    if choice.label is None:
        return note.nothing_yet(choice)
    found = find(choice.database, state.asked) if state.asked else None
    models = [model.name for model in choice.database.models() if model.explanations]
    near = found.near if found else []
    page = SearchPage(
        notices=choice.notices,
        found=found,
        cards=_cards(choice, found, models) if found else [],
        models=models,
        examples=[] if found else [(word, _again(choice, word)) for word in _examples(choice.database)],
        near=[(word, _again(choice, word)) for word in near],
    )
    return render("search.html", page=page)


def _again(choice: Choice, word: str) -> str:
    return link({**choice.names, "class": None}, tab="search", q=word)


def _examples(database: Database) -> list[str]:
    """The most common words."""
    database.folded_vocabulary()  # which the first search then finds ready
    known = [(count, word) for word, count in database.vocabulary().items() if word.isalpha() and len(word) >= LETTERS]
    return [word for _, word in sorted(known, reverse=True)[:EXAMPLES]]


def _cards(choice: Choice, found: Found, models: list[str]) -> list[SpellingCard]:
    weights = [abs(one.weight) for spelling in found.spellings for hit in spelling.hits for one in hit.weights]
    largest = max(weights, default=0.0)
    return [_card(choice, spelling, models, largest) for spelling in found.spellings]


def _card(choice: Choice, spelling: Spelling, models: list[str], largest: float) -> SpellingCard:
    titles = choice.database.titles()
    named = spelling.classes.most_common(SHOWN_CLASSES)
    return SpellingCard(
        name=spelling.name,
        href=_samples(choice, spelling, within="all"),
        exact=spelling.similarity == 1,
        entries=spelling.entries,
        written=spelling.written.most_common(SHOWN_SPELLINGS),
        classes=[
            ClassLink(titles.get(label, label), _samples(choice.of_class(label), spelling), count)
            for label, count in named
        ],
        more=len(spelling.classes) - len(named),
        hits=[_line(choice, hit, models, largest) for hit in spelling.hits],
    )


def _samples(choice: Choice, spelling: Spelling, within: str | None = None) -> str:
    return link(choice.names, tab="gallery", split="all", word=spelling.name, within=within)


def _line(choice: Choice, hit: Hit, models: list[str], largest: float) -> HitLine:
    database, entry = choice.database, hit.entry
    titles = database.titles()
    weights = {one.model: one for one in hit.weights}
    return HitLine(
        text=entry.text,
        title=titles.get(entry.label, entry.label),
        path=entry.sample,
        href=link(choice.of_class(entry.label).names, sample=entry.sample, focus=f"text-{entry.position}"),
        picture=picture_address(database, database.version(), "thumbnail", entry.sample),
        cells=[
            Cell(model, one.weight, abs(one.weight) / largest if largest else 0.0, titles.get(one.target, one.target))
            if (one := weights.get(model))
            else Cell(model, None, 0.0, "")
            for model in models
        ],
    )
