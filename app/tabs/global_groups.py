"""The Global tab: which picture parts and words a model relies on again and again in one class (P1 §3.2)."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean

from app.drawing.histogram import Bar, histogram_bars
from app.media_addresses import part_address
from app.rendering import link, percent, render
from app.tabs import note
from app.tabs.choice import Choice
from db.views import GroupView, ImageShare, MemberView, Modality

SHOWN_GROUPS = 10
SHOWN_MEMBERS = 8
BINS = 20


@dataclass(frozen=True)
class Member:
    """One crop, and the sample that a click opens."""

    href: str
    crop: str
    tip: str


@dataclass(frozen=True)
class Group:
    """One group; `share` of the best score of its modality, `spellings` as (text, count)."""

    rank: int
    name: str
    score: float
    share: float
    samples: int
    spellings: list[tuple[str, int]]
    members: list[Member]
    more: int


@dataclass(frozen=True)
class Histogram:
    """The modality ratio of one set of samples."""

    name: str
    samples: int
    mean: float | None
    mean_positive: float | None
    bars: list[Bar]


@dataclass(frozen=True)
class DropTest:
    """What is left of the model's mean certainty without the words, and without the picture."""

    whole: float
    without_text: float
    without_image: float


@dataclass(frozen=True)
class GlobalPage:
    """All that the template shows."""

    notices: tuple[str, ...]
    title: str
    model: str
    explained: int
    image: list[Group]
    text: list[Group]
    histograms: list[Histogram]
    drop: DropTest | None


def global_fragment(choice: Choice) -> str:
    """The class's groups and its modality ratio."""
    if choice.label is None or choice.model is None:
        return note.nothing_yet(choice)
    library, model, label = choice.library, choice.model.name, choice.label
    image, text = (_groups(choice, modality) for modality in ("image", "text"))
    shares = library.image_shares(model)
    own = [share for share in shares if share.label == label]
    if not image and not text and not own:
        return note.no_groups(choice)
    title = library.titles()[label]
    page = GlobalPage(
        notices=choice.notices,
        title=title,
        model=model,
        explained=len(own),
        image=image,
        text=text,
        histograms=[_histogram("This class", own), _histogram("All classes", shares)],
        drop=_drop_test(own),
    )
    return render("global.html", page=page, command=note.command(choice))


def _groups(choice: Choice, modality: Modality) -> list[Group]:
    assert choice.model is not None and choice.label is not None
    groups = choice.library.reader.groups(choice.model.name, choice.label, modality)[:SHOWN_GROUPS]
    best = max((group.score for group in groups), default=0.0)
    return [_group(choice, group, best) for group in groups]


def _group(choice: Choice, group: GroupView, best: float) -> Group:
    spellings = sorted(group.spellings.items(), key=lambda item: (-item[1], item[0]))
    representative = group.representative
    others = [member for member in group.members if member is not representative]
    ordered = ([representative] if representative else []) + others
    return Group(
        rank=group.rank,
        name=group.name if group.modality == "text" else f"Picture part {group.rank}",
        score=group.score,
        share=group.score / best if best else 0.0,
        samples=group.samples,
        spellings=spellings,
        members=[_member(choice, group.modality, member) for member in ordered[:SHOWN_MEMBERS]],
        more=max(len(ordered) - SHOWN_MEMBERS, 0),
    )


def _member(choice: Choice, modality: Modality, member: MemberView) -> Member:
    what = f"“{member.text}” in " if member.text is not None else ""
    return Member(
        href=link(choice.names, sample=member.sample),
        crop=part_address(choice.library, modality, member.sample, member.feature),
        tip=f"{what}{member.sample}: weight {member.weight:+.3f}",
    )


def _histogram(name: str, shares: list[ImageShare]) -> Histogram:
    known = [share.image_share for share in shares if share.image_share is not None]
    positive = [share.image_share_positive for share in shares if share.image_share_positive is not None]
    return Histogram(
        name=name,
        samples=len(shares),
        mean=fmean(known) if known else None,
        mean_positive=fmean(positive) if positive else None,
        bars=histogram_bars(known, BINS, lambda low, high: f"{percent(low)} to {percent(high)}"),
    )


def _drop_test(shares: list[ImageShare]) -> DropTest | None:
    if not shares:
        return None
    return DropTest(
        whole=fmean(share.probability for share in shares),
        without_text=fmean(share.probability_without_text for share in shares),
        without_image=fmean(share.probability_without_image for share in shares),
    )
