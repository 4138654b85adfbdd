"""The Single Sample tab: the prediction for one photograph, and its explanations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.databases import Database
from app.drawing.importance import BothImportances, both_importances
from app.drawing.outlines import segment_outline
from app.measures.trust import Trust, judge
from app.routes.media_addresses import heat_address, picture_address, segments_address
from app.tabs import note
from app.tabs.choice import Choice, choose_sample
from app.tabs.sample.figures import FigureLine, figure_lines
from app.tabs.sample.shapes import Greatest, TouchShape, touch_shapes
from app.tabs.sample.weights import (
    EntryRow,
    SuperpixelRow,
    entry_rows,
    probe_command,
    superpixel_rows,
    surrogate_numbers,
)
from app.templating import percent, render
from app.view_state import ViewState
from app.wording import Basis, basis, sureness
from db.records.explanations import ExplanationView
from db.records.predictions import LabelProbability
from db.records.samples import SampleDetail

TOP_CLASSES = 3
LONGEST_NUMBER = 9
HEADINGS = {"predicted": "Why it said", "true": "What spoke for the true class", "runner_up": "Why not"}
FAILED = {"predict": "Predicting", "explain-local": "Explaining", "activation": "Making activation maps"}
SHORT = {"predicted": "Answer", "true": "True class", "runner_up": "Runner-up"}


@dataclass(frozen=True)
class Outlined:
    """The part that the address points at: a superpixel's outline in a `width` x `height` map, or an entry."""

    path: str
    width: int
    height: int
    entry: int | None


@dataclass(frozen=True)
class Row:
    """One explained class with the addresses of its views."""

    kind: str
    heading: str
    short: str
    target: str
    probability: float
    empty: bool
    greatest: dict[str, Greatest]
    heat_image: str
    heat_both: str
    shapes: list[TouchShape]
    surrogate: str
    estimate: float
    trust: Trust


@dataclass(frozen=True)
class Candidate:
    """One of the model's most probable classes."""

    title: str
    probability: float
    true: bool


@dataclass(frozen=True)
class Sentence:
    """The first sentence, the class's name apart."""

    before: str
    name: str
    after: str


@dataclass(frozen=True)
class Missing:
    """Why there is no heat map, and what to run."""

    text: str
    command: str | None


@dataclass(frozen=True)
class SamplePage:
    """All that the template shows."""

    notices: tuple[str, ...]
    verdict: str
    headline: str
    title: str
    sentence: Sentence | None
    basis: Basis | None
    path: str
    missing: Missing | None
    ratio: float
    width: int
    height: int
    display: str | None
    caution: str | None
    rows: list[Row]
    top: list[Candidate]
    entries: list[EntryRow]
    superpixels: list[SuperpixelRow]
    segments: str | None
    figures: list[FigureLine]
    outlined: Outlined | None
    command: str
    probe: str


def sample_fragment(choice: Choice, state: ViewState) -> tuple[str, str | None]:
    """The tab's content and the sample that it is about."""
    path, notices = choose_sample(choice, state)
    detail = choice.database.sample(path) if path else None
    if detail is None:
        return note.nothing_yet(choice), None
    page = _page(choice, detail, state.focus, (*choice.notices, *notices))
    return render("sample.html", page=page), detail.path


def _page(choice: Choice, detail: SampleDetail, focus: str | None, notices: tuple[str, ...]) -> SamplePage:
    database, model = choice.database, choice.model.name if choice.model else ""
    titles = database.titles()
    explanations = database.explanations(model, detail.path)
    chances = database.reader.predictions.of(model, detail.path, len(titles))
    predicted = chances[0] if chances else None
    main = next((found for found in explanations if found.kind == "predicted"), None)
    display = detail.pictures.get("display")
    rows = [_row(database, titles, detail, found, chances) for found in explanations]
    texts = [entry.text for entry in detail.entries]
    reads = (
        choice.model is None or choice.model.kind != "embedding"
    )  # which shows its own photograph below, and no words
    right = None if predicted is None else predicted.label == detail.label
    failed = _failures(choice, detail)
    return SamplePage(
        notices=notices,
        verdict="unknown" if right is None else "right" if right else "wrong",
        headline=_headline(right, "predict" in failed),
        title=titles.get(detail.label, detail.label),
        sentence=_sentence(titles, detail.label, chances),
        basis=basis(main.image_weights, main.text_weights, texts) if main else None,
        path=detail.path,
        missing=_failed(choice, failed) if failed else None if main else _missing(choice, detail),
        ratio=detail.width / detail.height,
        width=detail.width,
        height=detail.height,
        display=picture_address(database, display.digest, "display", detail.path) if display and reads else None,
        caution=next((row.trust.caution for row in rows if row.kind == "predicted"), None),
        rows=rows,
        top=_top(titles, detail.label, chances),
        entries=entry_rows(detail.entries, explanations) if reads else [],
        superpixels=superpixel_rows(explanations),
        segments=segments_address(database, detail.path) if explanations else None,
        figures=figure_lines(explanations),
        outlined=_outlined(database, detail, focus),
        command=note.evaluate(choice, "faithfulness"),
        probe=probe_command(database, model, detail.path),
    )


def _headline(right: bool | None, failed: bool) -> str:
    if right is None:
        return "No prediction" if failed else "No prediction yet"
    return "Recognised correctly" if right else "Mistaken"


def _sentence(titles: dict[str, str], label: str, chances: list[LabelProbability]) -> Sentence | None:
    if not chances:
        return None
    first = chances[0]
    name, sure = titles.get(first.label, first.label), sureness(first.probability)
    if first.label == label:
        return Sentence("This is ", name, f"; the model is {sure} ({percent(first.probability)}). ")
    own = next((chance.probability for chance in chances if chance.label == label), None)
    gave = f", which got {percent(own)}" if own is not None else ", a class that this model does not know"
    after = f" and is {sure} ({percent(first.probability)}). It is in fact {titles.get(label, label)}{gave}. "
    return Sentence("The model says ", name, after)


def _top(titles: dict[str, str], label: str, chances: list[LabelProbability]) -> list[Candidate]:
    """The most probable classes, and the true one where it is not among them."""
    shown = chances[:TOP_CLASSES] + [chance for chance in chances[TOP_CLASSES:] if chance.label == label]
    return [
        Candidate(titles.get(chance.label, chance.label), chance.probability, chance.label == label) for chance in shown
    ]


def _row(
    database: Database,
    titles: dict[str, str],
    detail: SampleDetail,
    found: ExplanationView,
    chances: list[LabelProbability],
) -> Row:
    # The prediction's own, as in the sentence above it; explanations may be computed at a lower precision.
    probability = next((chance.probability for chance in chances if chance.label == found.target), found.probability)
    importances = both_importances(found)
    return Row(
        kind=found.kind,
        heading=HEADINGS[found.kind],
        short=SHORT[found.kind],
        target=titles.get(found.target, found.target),
        probability=probability,
        empty=not found.largest_weight > 0,
        greatest=_greatest(importances),
        heat_image=heat_address(database, found, "image"),
        heat_both=heat_address(database, found, "multimodal"),
        shapes=touch_shapes(detail, found, importances),
        surrogate=surrogate_numbers(found),
        estimate=found.surrogate_prediction,
        trust=judge(found, database.faithfulness(found.model, detail.path) if found.kind == "predicted" else None),
    )


def _greatest(importances: BothImportances) -> dict[str, Greatest]:
    unsigned, signed = importances.unsigned, importances.signed
    pairs = {"image": (unsigned.image, signed.image), "text": (unsigned.text, signed.text)}
    return {name: Greatest(*(float(np.abs(part).max(initial=0)) for part in pair)) for name, pair in pairs.items()}


def _outlined(database: Database, detail: SampleDetail, focus: str | None) -> Outlined | None:
    """None without a part, and for one that this sample does not have."""
    modality, _, number = (focus or "").partition("-")
    regions = database.regions(detail.path)
    if regions is None or not number.isdecimal() or len(number) > LONGEST_NUMBER:
        return None
    feature, width, height = int(number), detail.segmentation_width or 0, detail.segmentation_height or 0
    if modality == "text" and feature < len(detail.entries):
        return Outlined("", width, height, feature)
    path = segment_outline(regions.label_map, feature) if modality == "image" else ""
    return Outlined(path, width, height, None) if path else None


def _failures(choice: Choice, detail: SampleDetail) -> dict[str, str]:
    """Why the model's work on this sample failed, by stage; a prediction is made with those of its class and split."""
    model = choice.model.name if choice.model else ""
    keys = dict.fromkeys(FAILED, f"{model}|{detail.path}")
    keys["predict"] = f"{model}|{detail.split}/{detail.label}"
    reasons = {stage: choice.database.failure(stage, key) for stage, key in keys.items()}
    return {stage: reason for stage, reason in reasons.items() if reason is not None}


def _failed(choice: Choice, failures: dict[str, str]) -> Missing:
    told = " ".join(f"{FAILED[stage]} failed: {reason.rstrip('.')}." for stage, reason in failures.items())
    return Missing(f"{told} The same run with --retry-failed tries it again. All that failed:", note.command(choice))


def _missing(choice: Choice, detail: SampleDetail) -> Missing | None:
    if choice.model is None:
        return Missing("No model has been trained on these samples yet.", note.command(choice))
    if choice.model.kind == "embedding":
        return None  # its activation maps stand below
    if not choice.model.explained:
        return Missing(note.one_sided(choice.model), None)
    samples = choice.database.samples(detail.label, choice.model.name)
    if detail.split == "train" and {sample.split for sample in samples if sample.explained} == {"test"}:
        return Missing("Samples that the model was trained on are not explained; pick one of the test samples.", None)
    return Missing("This sample is not explained yet.", note.command(choice))
