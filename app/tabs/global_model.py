"""The Global tab of a whole model: classes by modality ratio, shared groups, confused classes, the deletion test."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from app.classification import median_shares
from app.rendering import render
from app.state import ViewState
from app.tabs import note
from app.tabs.choice import Choice
from app.tabs.deletion import DeletionTable, deletion_table
from app.tabs.groups import (
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
from app.wording import Score
from db.views import Confusion, Outcomes

PAIR_GROUPS = 5
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
    """One part or word that several classes share, with its representative in each."""

    name: str
    count: int
    classes: ClassLinks
    crops: list[Member]


@dataclass(frozen=True)
class Pair:
    """Two classes that the model takes for one another; `key` names them in the address."""

    key: str
    labels: tuple[str, str]
    text: str


@dataclass(frozen=True)
class Side:
    """One class of a pair."""

    link: ClassLink
    image: list[Group]
    text: list[Group]


@dataclass(frozen=True)
class ModelPage:
    """All that the template shows; the class with the highest image share first."""

    notices: tuple[str, ...]
    model: str
    explained: int
    missing: str | None
    ratios: list[ClassRatio]
    shared: list[SharedRow]
    pairs: list[Pair]
    pair: Pair | None
    sides: list[Side]
    score: Score
    deletion: DeletionTable


def model_fragment(choice: Choice, state: ViewState) -> str:
    """The chosen model as a whole."""
    if choice.model is None:
        return note.nothing_yet(choice)
    library, model = choice.library, choice.model
    pairs = confused_pairs(library.reader.confusion(model.name), library.titles())
    pair = next((pair for pair in pairs if pair.key == state.pair), pairs[0] if pairs else None)
    notices = list(choice.notices)
    if state.pair is not None and (pair is None or pair.key != state.pair):
        notices.append("This model does not confuse the two classes that were asked for.")
    outcomes = library.outcomes(model.name)
    page = ModelPage(
        notices=tuple(notices),
        model=model.name,
        explained=int(outcomes.explained.sum()),
        missing=note.one_sided(model) if not model.explained else None,
        ratios=_ratios(choice, outcomes),
        shared=_shared(choice, model.name),
        pairs=pairs,
        pair=pair,
        sides=_sides(choice, pair) if pair else [],
        score=score_used(library),
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
        pairs.append(Pair("~".join(labels), labels, text))
    return pairs


def _ratios(choice: Choice, outcomes: Outcomes) -> list[ClassRatio]:
    shares = median_shares(outcomes)
    ratios = [ClassRatio(class_link(choice, label), share, samples) for label, (share, samples) in shares.items()]
    return sorted(ratios, key=lambda ratio: (-ratio.image_share, ratio.link.title))


def _shared(choice: Choice, model: str) -> list[SharedRow]:
    found = choice.library.shared_groups(model)[:SHOWN_SHARED]
    shown = [[sharing.group_id for sharing in shared.groups[:SHOWN_CROPS]] for shared in found]
    groups = choice.library.reader.groups_by_id([key for keys in shown for key in keys])
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


def _sides(choice: Choice, pair: Pair) -> list[Side]:
    sides = []
    for label, rival in (pair.labels, pair.labels[::-1]):
        image, text = (
            class_groups(choice.of_class(label), label, modality, PAIR_GROUPS, rival) for modality in ("image", "text")
        )
        sides.append(Side(class_link(choice, label), image, text))
    return sides
