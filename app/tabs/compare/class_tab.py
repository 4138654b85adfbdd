"""The Compare tab of one class: what each model relies on in it, and how alike their image shares are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from app.databases import Database
from app.measures.agreement import in_words, rank_correlation
from app.tabs import note
from app.tabs.choice import Choice
from app.tabs.compare.explained import Subject, names_of, subjects
from app.tabs.global_explanations.group_lists import Group, class_groups, score_used
from app.templating import link, render
from app.wording import Score

SHOWN_GROUPS = 5


@dataclass(frozen=True)
class Side:
    """One model's strongest groups; `image_share` = mean over the class's explained samples."""

    name: str
    href: str
    accuracy: float | None
    explained: int
    image_share: float | None
    image: list[Group]
    text: list[Group]


@dataclass(frozen=True)
class Leaning:
    """Two models: rank correlation of their image shares over the samples that both explain."""

    names: tuple[str, str]
    samples: int
    correlation: float | None
    summary: str


@dataclass(frozen=True)
class CompareClassPage:
    """All that the template shows; `common` = the words among the strongest of every model."""

    notices: tuple[str, ...]
    title: str
    score: Score
    sides: list[Side]
    leanings: list[Leaning]
    common: list[str]
    alone: str | None


def compare_class(databases: Mapping[str, Database], choice: Choice) -> str:
    """The chosen class under all explained models."""
    if choice.label is None:
        return note.nothing_yet(choice)
    found = [one for one in subjects(databases, choice) if choice.label in one.database.titles()]
    names = names_of(found)
    sides = [_side(choice, one, name) for one, name in zip(found, names, strict=True)]
    page = CompareClassPage(
        notices=choice.notices,
        title=choice.database.titles()[choice.label],
        score=score_used(choice.database),
        sides=sides,
        leanings=[
            _leaning(choice.label, (found[first], found[second]), (names[first], names[second]))
            for first, second in combinations(range(len(found)), 2)
        ],
        common=_common(sides),
        alone=_alone(found),
    )
    return render("compare_class.html", page=page, command=note.command(choice))


def _alone(found: list[Subject]) -> str | None:
    if len(found) > 1:
        return None
    if found:
        return f"Only “{found[0].model.name}” has explanations, so there is nothing to compare it with."
    return "No model has explanations yet. They appear here as soon as a run has made them."


def _side(choice: Choice, subject: Subject, name: str) -> Side:
    assert choice.label is not None
    own, model = subject.of(choice), subject.model.name
    image, text = (class_groups(own, choice.label, modality, SHOWN_GROUPS) for modality in ("image", "text"))
    shares = subject.database.class_shares(model, choice.label)
    known = [share.image_share for share in shares if share.image_share is not None]
    views = {view.label: view for view in subject.database.classes(model)}
    return Side(
        name=name,
        href=link(own.names, tab="global"),
        accuracy=views[choice.label].accuracy,
        explained=len(shares),
        image_share=sum(known) / len(known) if known else None,
        image=image,
        text=text,
    )


def _leaning(label: str, pair: tuple[Subject, Subject], names: tuple[str, str]) -> Leaning:
    one, two = (
        {share.sample: share.image_share for share in subject.database.class_shares(subject.model.name, label)}
        for subject in pair
    )
    pairs = [(share, two[path]) for path, share in one.items() if share is not None and two.get(path) is not None]
    correlation = rank_correlation([a for a, _ in pairs], [b for _, b in pairs])  # type: ignore[arg-type]
    return Leaning(names, len(pairs), correlation, in_words(correlation))


def _common(sides: list[Side]) -> list[str]:
    """The words of the first model that all others have among their strongest, too."""
    if len(sides) < 2:
        return []
    others = [{group.name.casefold() for group in side.text} for side in sides[1:]]
    return [group.name for group in sides[0].text if all(group.name.casefold() in names for names in others)]
