"""The Compare tab of one sample: what every explained model of every opened database says of it, on one scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from app.databases import Library
from app.drawing.outlines import segment_outlines
from app.measures.agreement import disagreement, in_words, rank_correlation
from app.measures.trust import Trust, judge
from app.routes.media import importances_of
from app.routes.media_addresses import part_address, picture_address, shared_heat_address
from app.tabs import note
from app.tabs.choice import Choice, choose_sample
from app.tabs.sample.shapes import Greatest, TouchShape, touch_shapes
from app.templating import link, render
from app.view_state import ViewState
from db.records.explanations import ExplanationView
from db.records.models import ModelView
from db.records.samples import SampleDetail

SHOWN_FEATURES = 6


@dataclass(frozen=True)
class Subject:
    """One model of one database."""

    library: Library
    model: ModelView

    def of(self, choice: Choice) -> Choice:
        """The same view of this model."""
        return replace(choice, library=self.library, model=self.model, notices=())


@dataclass(frozen=True)
class _Explained:
    """What a subject says: `answer` explains its own answer, `found` what all are compared by."""

    subject: Subject
    answer: ExplanationView
    found: ExplanationView
    detail: SampleDetail
    matches: bool


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
    """Two models: Spearman's rank correlation of their weights, over all features, the parts and the words."""

    names: tuple[str, str]
    together: float | None
    parts: float | None
    words: float | None
    said: str


@dataclass(frozen=True)
class WeightOf:
    """What one model gives a feature; `share` of the largest magnitude shown."""

    value: float
    share: float


@dataclass(frozen=True)
class Disputed:
    """A feature that the models disagree on; `key` as in the address's `focus`, `x` and `y` of its number, 0..100."""

    number: int
    key: str
    name: str
    crop: str
    outline: str
    points: str
    x: float
    y: float
    weights: list[WeightOf]


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


def subjects(libraries: Mapping[str, Library], choice: Choice) -> list[Subject]:
    """All explained models, those of the chosen database first."""
    ordered = [choice.library, *(library for library in libraries.values() if library is not choice.library)]
    return [Subject(library, model) for library in ordered for model in library.models() if model.explanations]


def names_of(found: Sequence[Subject]) -> list[str]:
    """A name for each, unlike every other's: the database stands in it where there are several."""
    several = len({id(one.library) for one in found}) > 1
    return [f"{one.model.name} · {one.library.name}" if several else one.model.name for one in found]


def compare_sample(libraries: Mapping[str, Library], choice: Choice, state: ViewState) -> tuple[str, str | None]:
    """The tab's content and the sample that it is about."""
    path, notices = choose_sample(choice, state)
    detail = choice.library.sample(path) if path else None
    if detail is None:
        return note.nothing_yet(choice), None
    found = [one for subject in subjects(libraries, choice) if (one := _explained(subject, detail, choice, state))]
    page = _page(choice, detail, state, found, (*choice.notices, *notices))
    return render("compare_sample.html", page=page, command=note.command(choice)), detail.path


def _explained(subject: Subject, detail: SampleDetail, choice: Choice, state: ViewState) -> _Explained | None:
    """None where the model does not explain this sample."""
    explanations = subject.library.explanations(subject.model.name, detail.path)
    answer = next((one for one in explanations if one.kind == "predicted"), None)
    own = subject.library.sample(detail.path)
    if answer is None or own is None:
        return None
    of_truth = next((one for one in explanations if one.target == one.label), answer)
    found = of_truth if state.about == "true" else answer
    return _Explained(subject, answer, found, own, _same_features(choice.library, subject.library, detail, own))


def _same_features(first: Library, second: Library, one: SampleDetail, other: SampleDetail) -> bool:
    """Whether two databases cut a sample into the same parts and read the same words off it."""
    if first is second:
        return True
    grounds = first.ground(one.path), second.ground(other.path)
    if grounds[0] is None or grounds[1] is None:
        return False
    texts = [entry.text for entry in one.entries], [entry.text for entry in other.entries]
    return grounds[0].label_map == grounds[1].label_map and texts[0] == texts[1]


def _page(
    choice: Choice, detail: SampleDetail, state: ViewState, found: list[_Explained], notices: tuple[str, ...]
) -> ComparePage:
    library, titles = choice.library, choice.library.titles()
    weights = [np.concatenate([one.found.image_weights, one.found.text_weights]) for one in found]
    largest = max((float(one.max(initial=0)) for one in weights), default=0.0)
    largest_signed = max((float(np.abs(one).max(initial=0)) for one in weights), default=0.0)
    names = names_of([one.subject for one in found])
    alike = [one for one in found if one.matches]
    disputed = _disputed(library, detail, alike)
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
        display=picture_address(library, display.digest, "display", detail.path) if display else None,
        about=state.about,
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


def _alone(choice: Choice, found: list[_Explained]) -> str | None:
    """Why there is nothing to compare."""
    if len(found) > 1:
        return None
    if found:
        return f"Only “{found[0].subject.model.name}” explains this sample, so there is nothing to compare it with."
    if any(model.explanations for model in choice.library.models()):
        return "This sample is not explained by any model; pick one of the test samples."
    return "No model has explanations yet. They appear here as soon as a run has made them."


def _row(choice: Choice, one: _Explained, name: str, largest: float, largest_signed: float) -> Row:
    library, titles = one.subject.library, choice.library.titles()
    model = one.subject.model.name
    display = one.detail.pictures.get("display")
    scale = (largest or None, largest_signed or None)
    return Row(
        name=name,
        href=link({**choice.names, "db": library.name, "model": model}, sample=one.detail.path, tab="sample"),
        verdict="right" if one.answer.target == one.answer.label else "wrong",
        answer=titles.get(one.answer.target, one.answer.target),
        probability=one.answer.probability,
        target=titles.get(one.found.target, one.found.target),
        target_probability=one.found.probability,
        trust=judge(one.found, library.faithfulness(model, one.detail.path) if one.found is one.answer else None),
        image_share=one.found.image_share,
        display=picture_address(library, display.digest, "display", one.detail.path) if display else None,
        heat_image=shared_heat_address(library, one.found, "image", *scale),
        heat_both=shared_heat_address(library, one.found, "multimodal", *scale),
        shapes=touch_shapes(one.detail, one.found, *scale),
        greatest=_greatest(one.found, scale),
        outlined=one.matches,
    )


def _greatest(found: ExplanationView, scale: tuple[float | None, float | None]) -> Greatest:
    """Of parts and words together, on the common scale."""
    drawn = [importances_of(found, signed, largest) for signed, largest in zip((False, True), scale, strict=True)]
    return Greatest(*(float(max(np.abs(part).max(initial=0) for part in (one.image, one.text))) for one in drawn))


def _agreement(first: _Explained, second: _Explained, names: tuple[str, str]) -> Agreement:
    one, two = first.found, second.found
    alike = (first.matches and second.matches) or first.subject.library is second.subject.library
    if not alike or len(one.image_weights) != len(two.image_weights):
        return Agreement(names, None, None, None, "the two databases cut this sample into other parts or words")
    together = rank_correlation(
        np.concatenate([one.image_weights, one.text_weights]), np.concatenate([two.image_weights, two.text_weights])
    )
    parts = rank_correlation(one.image_weights, two.image_weights)
    words = rank_correlation(one.text_weights, two.text_weights)
    return Agreement(names, together, parts, words, in_words(together))


def _disputed(library: Library, detail: SampleDetail, found: list[_Explained]) -> list[Disputed]:
    """The features that the models disagree on most, of those that any of them gives a weight."""
    ground = library.ground(detail.path)
    if ground is None or len(found) < 2:
        return []
    weights = np.stack([np.concatenate([one.found.image_weights, one.found.text_weights]) for one in found])
    parts = len(found[0].found.image_weights)
    spread = disagreement(weights)
    chosen = [int(place) for place in np.argsort(-spread, kind="stable")[:SHOWN_FEATURES] if spread[place] > 0]
    segments = [place for place in chosen if place < parts]
    outlines = dict(zip(segments, segment_outlines(ground.label_map, segments), strict=True))
    largest = float(np.abs(weights[:, chosen]).max(initial=0)) or 1.0
    features = []
    for number, place in enumerate(chosen, 1):
        modality, feature = ("image", place) if place < parts else ("text", place - parts)
        polygon = detail.entries[feature].polygon if modality == "text" else ()
        outline = outlines.get(place, "")
        x, y = _middle_of_polygon(polygon, detail) if polygon else _middle_of_outline(outline, detail)
        features.append(
            Disputed(
                number=number,
                key=f"{modality}-{feature}",
                name=detail.entries[feature].text if modality == "text" else f"Picture part {feature}",
                crop=part_address(library, modality, detail.path, feature),
                outline=outline,
                points=" ".join(f"{px:.1f},{py:.1f}" for px, py in polygon),
                x=x,
                y=y,
                weights=[WeightOf(float(value), abs(float(value)) / largest) for value in weights[:, place]],
            )
        )
    return features


def _middle_of_polygon(polygon: tuple[tuple[float, float], ...], detail: SampleDetail) -> tuple[float, float]:
    across, down = np.mean([x for x, _ in polygon]), np.mean([y for _, y in polygon])
    return float(100 * across / detail.width), float(100 * down / detail.height)


def _middle_of_outline(outline: str, detail: SampleDetail) -> tuple[float, float]:
    """The mean of the outline's corners, in percent of the picture."""
    corners = [piece[:-2].split(" ") for piece in outline.split("M")[1:]]
    if not corners:
        return 50.0, 50.0
    across, down = np.mean([[int(x), int(y)] for x, y in corners], axis=0)
    width, height = detail.segmentation_width or 1, detail.segmentation_height or 1
    return float(100 * across / width), float(100 * down / height)
