"""The Compare tab of confusions: a model's whole confusion matrix, and its largest confusions as a list."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

import numpy as np

from app.databases import Database
from app.drawing.confusion import confusion_picture
from app.tabs import note
from app.tabs.choice import Choice, choose_explained
from app.tabs.global_explanations.model_tab import pair_link
from app.templating import link, render
from db.records.classes import ClassView
from db.records.models import Confusion

LISTED = 200
NAMED = 40


@dataclass(frozen=True)
class Mistake:
    """Test samples of one class taken for another; `pair_href` = what tells the two apart."""

    title: str
    rival: str
    count: int
    tested: int
    share: float
    href: str
    pair_href: str


@dataclass(frozen=True)
class ConfusionPage:
    """All that the template shows; `cells` = JSON of [row, column, count], `classes` = JSON of [label, title, tested].

    Classes of a family stand side by side, where there are `families`; `names` are written beside the rows of a matrix
    with at most NAMED of them.
    """

    notices: tuple[str, ...]
    model: str
    size: int
    families: bool
    names: list[str]
    picture: str
    cells: str
    classes: str
    right: int
    tested: int
    mistakes: list[Mistake]
    left_out: int
    matrix: list[tuple[str, str, bool]]


def confusion_fragment(choice: Choice) -> str:
    """The chosen model's confusions on the test split."""
    if choice.label is None or choice.model is None:
        return note.nothing_yet(choice)
    database, model = choice.database, choice.model.name
    confusion = database.reader.models.confusion(model)
    if not confusion:
        return note.no_confusion(choice)
    order = _order(database.classes(model), confusion)
    index = {label: number for number, label in enumerate(order)}
    counts = np.zeros((len(order), len(order)), np.int64)
    for one in confusion:
        counts[index[one.label], index[one.predicted]] += one.count
    tested = counts.sum(axis=1)
    titles = database.titles()
    named = [[label, titles.get(label, label), int(tested[number])] for number, label in enumerate(order)]
    explained = choose_explained(choice)
    mistakes = _mistakes(choice, explained, confusion, dict(zip(order, tested.tolist(), strict=True)), titles)
    page = ConfusionPage(
        notices=choice.notices,
        model=model,
        size=len(order),
        families=any(view.family for view in database.classes(model)),
        names=[titles.get(label, label) for label in order] if len(order) <= NAMED else [],
        picture="data:image/png;base64," + base64.b64encode(confusion_picture(counts)).decode(),
        cells=json.dumps([[int(i), int(j), int(counts[i, j])] for i, j in np.argwhere(counts)], separators=(",", ":")),
        classes=json.dumps(named, ensure_ascii=False, separators=(",", ":")),
        right=int(np.trace(counts)),
        tested=int(counts.sum()),
        mistakes=mistakes[:LISTED],
        left_out=max(len(mistakes) - LISTED, 0),
        matrix=_models(database, choice),
    )
    return render("confusion.html", page=page)


def _order(classes: list[ClassView], confusion: list[Confusion]) -> list[str]:
    """Classes by family and label; labels that only a model knows come last."""
    by_family = sorted(classes, key=lambda view: (view.family is None, view.family or "", view.label))
    known = [view.label for view in by_family]
    others = {label for one in confusion for label in (one.label, one.predicted)} - set(known)
    return [*known, *sorted(others)]


def _mistakes(
    choice: Choice, explained: str | None, confusion: list[Confusion], tested: dict[str, int], titles: dict[str, str]
) -> list[Mistake]:
    """The largest first; what tells two classes apart is said for the `explained` model."""
    wrong = [one for one in confusion if one.label != one.predicted]
    most = max((one.count for one in wrong), default=1)
    return [
        Mistake(
            title=titles.get(one.label, one.label),
            rival=titles.get(one.predicted, one.predicted),
            count=one.count,
            tested=tested[one.label],
            share=one.count / most,
            href=link(
                {**choice.names, "class": one.label}, tab="gallery", shown="confused", rival=one.predicted, split="test"
            ),
            pair_href=pair_link(choice, explained, one.label, one.predicted),
        )
        for one in sorted(wrong, key=lambda one: (-one.count, one.label, one.predicted))
    ]


def _models(database: Database, choice: Choice) -> list[tuple[str, str, bool]]:
    """The models that can be looked at, where a click on each leads, and whether it is the one shown."""
    return [
        (
            model.name,
            link({**choice.names, "model": model.name}, tab="compare", compare="confusion"),
            choice.model is not None and model.name == choice.model.name,
        )
        for model in database.models()
    ]
