"""The Compare tab of one sample: the explanations of every model of every opened database, on one scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from app.databases import Database
from app.drawing.importance import BothImportances, both_importances
from app.measures.agreement import in_words, rank_correlation
from app.measures.trust import Trust, judge
from app.routes.media_addresses import picture_address, shared_heat_address
from app.tabs import note
from app.tabs.choice import Choice, choose_sample
from app.tabs.compare.disputed import Disputed, disputed_features
from app.tabs.compare.explained import Explained, explained_by, names_of, subjects
from app.tabs.sample.shapes import Greatest, TouchShape, touch_shapes
from app.templating import link, render
from app.view_state import ViewState
from db.records.samples import SampleDetail


@dataclass(frozen=True)
class Row:
    """One model: its answer, and its views on the scale that all share."""

    name: str
    href: str
    verdict: str
    answer: str
    probability: float
    target: str
    target_probability: float
    trust: Trust
    image_share: float | None
    display: str | None
    heat_image: str
    heat_both: str
    shapes: list[TouchShape]
    greatest: Greatest
    outlined: bool


@dataclass(frozen=True)
class Agreement:
    """Two models: Spearman's rank correlation of their weights, over all features, the superpixels and the words."""

    names: tuple[str, str]
    together: float | None
    superpixels: float | None
    words: float | None
    summary: str


@dataclass(frozen=True)
class ComparePage:
    """All that the template shows."""

    notices: tuple[str, ...]
    title: str
    path: str
    ratio: float
    width: int
    height: int
    map_width: int
    map_height: int
    display: str | None
    about: str
    differ: bool
    largest: float
    largest_signed: float
    rows: list[Row]
    names: list[str]
    agreements: list[Agreement]
    disputed: list[Disputed]
    alone: str | None


def compare_sample(databases: Mapping[str, Database], choice: Choice, state: ViewState) -> tuple[str, str | None]:
    """The tab's content and the sample that it is about."""
    path, notices = choose_sample(choice, state)
    detail = choice.database.sample(path) if path else None
    if detail is None:
        return note.nothing_yet(choice), None
    found = [one for subject in subjects(databases, choice) if (one := explained_by(subject, detail, choice, state))]
    page = _page(choice, detail, state, found, (*choice.notices, *notices))
    return render("compare_sample.html", page=page, command=note.command(choice)), detail.path


def _page(
    choice: Choice, detail: SampleDetail, state: ViewState, found: list[Explained], notices: tuple[str, ...]
) -> ComparePage:
    database, titles = choice.database, choice.database.titles()
    largest = max((float(one.weights.max(initial=0)) for one in found), default=0.0)
    largest_signed = max((float(np.abs(one.weights).max(initial=0)) for one in found), default=0.0)
    names = names_of([one.subject for one in found])
    alike = [one for one in found if one.matches]
    disputed = disputed_features(database, detail, alike)
    display = detail.pictures.get("display")
    return ComparePage(
        notices=notices,
        title=titles.get(detail.label, detail.label),
        path=detail.path,
        ratio=detail.width / detail.height,
        width=detail.width,
        height=detail.height,
        map_width=detail.segmentation_width or 1,
        map_height=detail.segmentation_height or 1,
        display=picture_address(database, display.digest, "display", detail.path) if display else None,
        about=state.explained_class,
        differ=len({one.found.target for one in found}) > 1,
        largest=largest,
        largest_signed=largest_signed,
        rows=[_row(choice, one, name, largest, largest_signed) for one, name in zip(found, names, strict=True)],
        names=[name for one, name in zip(found, names, strict=True) if one.matches],
        agreements=[
            _agreement(found[first], found[second], (names[first], names[second]))
            for first, second in combinations(range(len(found)), 2)
        ],
        disputed=disputed,
        alone=_alone(choice, found),
    )


def _alone(choice: Choice, found: list[Explained]) -> str | None:
    """Why there is nothing to compare."""
    if len(found) > 1:
        return None
    if found:
        return f"Only “{found[0].subject.model.name}” explains this sample, so there is nothing to compare it with."
    if any(model.explanations for model in choice.database.models()):
        return "This sample is not explained by any model; pick one of the test samples."
    return "No model has explanations yet. They appear here as soon as a run has made them."


def _row(choice: Choice, one: Explained, name: str, largest: float, largest_signed: float) -> Row:
    database, titles = one.subject.database, choice.database.titles()
    model = one.subject.model.name
    display = one.detail.pictures.get("display")
    scale = (largest or None, largest_signed or None)
    importances = both_importances(one.found, *scale)
    return Row(
        name=name,
        href=link({**choice.names, "db": database.name, "model": model}, sample=one.detail.path, tab="sample"),
        verdict="right" if one.answer.target == one.answer.label else "wrong",
        answer=titles.get(one.answer.target, one.answer.target),
        probability=one.answer.probability,
        target=titles.get(one.found.target, one.found.target),
        target_probability=one.found.probability,
        trust=judge(one.found, database.faithfulness(model, one.detail.path) if one.found is one.answer else None),
        image_share=one.found.image_share,
        display=picture_address(database, display.digest, "display", one.detail.path) if display else None,
        heat_image=shared_heat_address(database, one.found, "image", *scale),
        heat_both=shared_heat_address(database, one.found, "multimodal", *scale),
        shapes=touch_shapes(one.detail, one.found, importances),
        greatest=_greatest(importances),
        outlined=one.matches,
    )


def _greatest(importances: BothImportances) -> Greatest:
    """Of superpixels and words together, on the common scale."""
    unsigned, signed = (
        float(max(np.abs(part).max(initial=0) for part in (one.image, one.text)))
        for one in (importances.unsigned, importances.signed)
    )
    return Greatest(unsigned, signed)


def _agreement(first: Explained, second: Explained, names: tuple[str, str]) -> Agreement:
    one, two = first.found, second.found
    alike = (first.matches and second.matches) or first.subject.database is second.subject.database
    if not alike or len(one.image_weights) != len(two.image_weights):
        return Agreement(names, None, None, None, "the two databases cut this sample into other parts or words")
    together = rank_correlation(first.weights, second.weights)
    superpixels = rank_correlation(one.image_weights, two.image_weights)
    words = rank_correlation(one.text_weights, two.text_weights)
    return Agreement(names, together, superpixels, words, in_words(together))
