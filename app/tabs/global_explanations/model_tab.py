"""The Global tab of a whole model: classes by modality ratio, shared groups, confused classes, the deletion test."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import combinations

from app.measures.classification import median_shares
from app.tabs import note
from app.tabs.choice import Choice
from app.tabs.global_explanations.deletion import DeletionTable, deletion_table
from app.tabs.global_explanations.group_lists import (
    ClassLink,
    ClassLinks,
    Group,
    Member,
    class_groups,
    class_link,
    class_links,
    member_of,
    score_used,
)
from app.templating import link, render
from app.view_state import ViewState
from app.wording import Score
from db.records.classes import ClassView
from db.records.explanations import Modality
from db.records.groups import NoiseView
from db.records.models import Confusion
from db.records.predictions import Outcomes

PAIR_GROUPS = 5
LARGEST_FAMILY = 8
"""Of a larger family not every pair is offered."""
SHOWN_SHARED = 50
SHOWN_CROPS = 8


@dataclass(frozen=True)
class ClassRatio:
    """One class: the median image share over its explained samples."""

    link: ClassLink
    image_share: float
    samples: int


@dataclass(frozen=True)
class SharedRow:
    """One superpixel or word that several classes share, with its representative in each."""

    name: str
    count: int
    classes: ClassLinks
    crops: list[Member]


@dataclass(frozen=True)
class Pair:
    """Two classes that are hard to tell apart; `key` names them in the address."""

    key: str
    labels: tuple[str, str]
    text: str


@dataclass(frozen=True)
class Side:
    """One class of a pair; `noise` says why there are no groups."""

    link: ClassLink
    noise: dict[Modality, NoiseView]
    image: list[Group]
    text: list[Group]


@dataclass(frozen=True)
class ModelPage:
    """All that the template shows; the class with the highest image share first.

    `elsewhere` = the other explained models, and where each shows the same pair.
    """

    notices: tuple[str, ...]
    model: str
    explained: int
    missing: str | None
    ratios: list[ClassRatio]
    shared: list[SharedRow]
    pairs: list[Pair]
    pair: Pair | None
    sides: list[Side]
    elsewhere: list[tuple[str, str]]
    score: Score
    deletion: DeletionTable


def model_fragment(choice: Choice, state: ViewState) -> str:
    """The chosen model as a whole."""
    if choice.model is None:
        return note.nothing_yet(choice)
    database, model = choice.database, choice.model
    titles = database.titles()
    asked = _asked_pair(state.pair, titles)
    confused = confused_pairs(database.reader.models.confusion(model.name), titles)
    offered: dict[str, Pair] = {}
    for pair in (*confused, *twin_pairs(database.classes(model.name)), *asked):
        offered.setdefault(pair.key, pair)
    notices = list(choice.notices)
    if state.pair is not None and not asked:
        notices.append("This database does not hold the two classes that were asked for.")
    chosen = next((offered[pair.key] for pair in (*asked, *offered.values())), None)
    explained = [other.name for other in database.models() if other.explained and other.name != model.name]
    outcomes = database.outcomes(model.name)
    page = ModelPage(
        notices=tuple(notices),
        model=model.name,
        explained=int(outcomes.explained.sum()),
        missing=note.one_sided(model) if not model.explained else None,
        ratios=_ratios(choice, outcomes),
        shared=_shared(choice, model.name),
        pairs=list(offered.values()),
        pair=chosen,
        sides=_sides(choice, model.name, chosen) if chosen else [],
        elsewhere=[(name, pair_link(choice, name, *chosen.labels)) for name in explained] if chosen else [],
        score=score_used(database),
        deletion=deletion_table(choice),
    )
    return render("global_model.html", page=page, command=note.command(choice))


def confused_pairs(confusion: list[Confusion], titles: dict[str, str]) -> list[Pair]:
    """Pairs of classes of which at least one test sample is taken for the other, the most confused first.

    Args:
        confusion: every pair of true and predicted label that occurs.
        titles: names of classes by label.
    """
    mistakes: Counter[tuple[str, str]] = Counter()
    tested: Counter[str] = Counter()
    for one in confusion:
        tested[one.label] += one.count
        if one.label != one.predicted:
            first, second = sorted((one.label, one.predicted))
            mistakes[first, second] += one.count
    pairs = []
    for labels, count in sorted(mistakes.items(), key=lambda item: (-item[1], item[0])):
        first, second = (titles.get(label, label) for label in labels)
        text = f"{first} / {second}: {count} of {sum(tested[label] for label in labels)} taken for the other"
        pairs.append(_pair(*labels, text))
    return pairs


def twin_pairs(classes: list[ClassView]) -> list[Pair]:
    """Pairs of classes of one family, by their names."""
    families: dict[str, list[ClassView]] = defaultdict(list)
    for view in sorted(classes, key=lambda view: view.title):
        if view.family:
            families[view.family].append(view)
    pairs = []
    for _, members in sorted(families.items()):
        for one, other in combinations(members[:LARGEST_FAMILY], 2):
            pairs.append(_pair(one.label, other.label, f"{one.title} / {other.title}: of one family"))
    return pairs


def pair_link(choice: Choice, model: str | None, one: str, other: str) -> str:
    """Where a model shows what it relies on in two classes."""
    return link({**choice.names, "model": model}, tab="global", scope="model", pair=_pair(one, other, "").key)


def _asked_pair(key: str | None, titles: dict[str, str]) -> list[Pair]:
    """The two classes that an address names, if there are such two."""
    one, _, other = (key or "").partition("~")
    known = one != other and {one, other} <= titles.keys()
    return [_pair(one, other, f"{titles[one]} / {titles[other]}")] if known else []


def _pair(one: str, other: str, text: str) -> Pair:
    first, second = sorted((one, other))
    return Pair(f"{first}~{second}", (first, second), text)


def _ratios(choice: Choice, outcomes: Outcomes) -> list[ClassRatio]:
    shares = median_shares(outcomes)
    ratios = [ClassRatio(class_link(choice, label), share, samples) for label, (share, samples) in shares.items()]
    return sorted(ratios, key=lambda ratio: (-ratio.image_share, ratio.link.title))


def _shared(choice: Choice, model: str) -> list[SharedRow]:
    found = choice.database.shared_groups(model)[:SHOWN_SHARED]
    shown = [[sharing.group_id for sharing in shared.groups[:SHOWN_CROPS]] for shared in found]
    groups = choice.database.reader.groups.by_id([key for keys in shown for key in keys])
    crops = {
        group.id: member_of(choice.of_class(group.label), group.modality, group.representative)
        for group in groups
        if group.representative is not None
    }
    return [
        SharedRow(
            name=shared.name if shared.modality == "text" else "Picture part",
            count=len(shared.labels),
            classes=class_links(choice, shared.labels),
            crops=[crops[key] for key in keys if key in crops],
        )
        for shared, keys in zip(found, shown, strict=True)
    ]


def _sides(choice: Choice, model: str, pair: Pair) -> list[Side]:
    sides = []
    for label, rival in (pair.labels, pair.labels[::-1]):
        image, text = (
            class_groups(choice.of_class(label), label, modality, PAIR_GROUPS, rival) for modality in ("image", "text")
        )
        noise = choice.database.reader.groups.noise(model, label)
        sides.append(Side(class_link(choice, label), noise, image, text))
    return sides
