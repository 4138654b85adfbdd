"""The Global tab of a class: which superpixels and words a model relies on again and again in it (P1 §3.2)."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean

import numpy as np

from app.drawing.histogram import histogram_bars
from app.routes.media_addresses import group_crops_address
from app.tabs import note
from app.tabs.choice import Choice
from app.tabs.global_explanations.group_lists import SHOWN_CROPS, SHOWN_GROUPS, Group, class_groups, score_used
from app.tabs.global_explanations.group_map import GroupMap, SuperpixelMap, group_map, superpixel_map
from app.tabs.overview.tab import LinkedBar, share_href
from app.templating import percent, render
from app.wording import Score
from db.records.explanations import ImageShare, Modality
from db.records.groups import NoiseView

BINS = 20


@dataclass(frozen=True)
class Histogram:
    """The modality ratio of one set of samples."""

    name: str
    samples: int
    mean: float | None
    median: float | None
    mean_positive: float | None
    bars: list[LinkedBar]


@dataclass(frozen=True)
class DropTest:
    """What is left of the model's mean certainty without the words, and without the picture."""

    whole: float
    without_text: float
    without_image: float


@dataclass(frozen=True)
class ClassPage:
    """All that the template shows; `noise` where it was counted."""

    notices: tuple[str, ...]
    title: str
    model: str
    explained: int
    image: list[Group]
    text: list[Group]
    noise: dict[Modality, NoiseView]
    score: Score
    histograms: list[Histogram]
    drop: DropTest | None
    map: GroupMap | None
    superpixel_map: SuperpixelMap | None


def class_fragment(choice: Choice) -> str:
    """The class's groups and its modality ratio."""
    if choice.label is None or choice.model is None:
        return note.nothing_yet(choice)
    database, model, label = choice.database, choice.model.name, choice.label
    image, text = (class_groups(choice, label, modality, SHOWN_GROUPS) for modality in ("image", "text"))
    own = database.class_shares(model, label)
    every = database.outcomes(model).image_share
    if not image and not text and not own:
        return note.no_groups(choice)
    page = ClassPage(
        notices=choice.notices,
        title=database.titles()[label],
        model=model,
        explained=len(own),
        image=image,
        text=text,
        noise=database.reader.groups.noise(model, label),
        score=score_used(database),
        histograms=[
            _histogram(choice, "This class", _known([share.image_share for share in own]), own),
            _histogram(choice, "All classes", every[~np.isnan(every)], None),
        ],
        drop=_drop_test(own),
        map=group_map(choice),
        superpixel_map=superpixel_map(choice),
    )
    sheets = {kind: group_crops_address(database, model, label, kind) for kind in ("image", "text")}
    return render("global_class.html", page=page, sheets=sheets, columns=SHOWN_CROPS, command=note.command(choice))


def _known(shares: list[float | None]) -> np.ndarray:
    return np.array([share for share in shares if share is not None], np.float32)


def _histogram(choice: Choice, name: str, known: np.ndarray, own: list[ImageShare] | None) -> Histogram:
    """Of one class, with what is in favour alone, or (`own` = None) of all."""
    positive = [share.image_share_positive for share in own or () if share.image_share_positive is not None]
    bars = histogram_bars(known, BINS, lambda low, high: f"{percent(low)} to {percent(high)}")
    within = "all" if own is None else "class"
    return Histogram(
        name=name,
        samples=len(known),
        mean=float(known.mean()) if len(known) else None,
        median=float(np.median(known)) if len(known) else None,
        mean_positive=fmean(positive) if positive else None,
        bars=[LinkedBar(bar, share_href(choice.names, bar, within)) for bar in bars],
    )


def _drop_test(shares: list[ImageShare]) -> DropTest | None:
    if not shares:
        return None
    return DropTest(
        whole=fmean(share.probability for share in shares),
        without_text=fmean(share.probability_without_text for share in shares),
        without_image=fmean(share.probability_without_image for share in shares),
    )
