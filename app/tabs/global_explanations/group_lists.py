"""Global groups as lists: what the Global tab shows of a class, and of a pair of classes (P1 §3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.databases import Database
from app.routes.media_addresses import crop_address
from app.tabs.choice import Choice, verdict
from app.templating import link
from app.wording import SCORES, Score
from db.records.explanations import Modality
from db.records.groups import GroupView, MemberView

SHOWN_CLASSES = 8
SHOWN_GROUPS, SHOWN_CROPS = 10, 6
CELLS: dict[Modality, tuple[int, int]] = {"image": (128, 128), "text": (208, 128)}
"""Width and height of a crop in the picture of all crops of a class; the page shows it at half the size."""


@dataclass(frozen=True)
class ClassLink:
    """A class and where a click on it leads."""

    title: str
    href: str


@dataclass(frozen=True)
class ClassLinks:
    """The first of several classes, and how many `more` there are."""

    shown: list[ClassLink]
    more: int


@dataclass(frozen=True)
class Member:
    """One crop, and the sample that a click opens."""

    href: str
    crop: str
    tip: str
    name: str
    weight: float
    verdict: str


@dataclass(frozen=True)
class Group:
    """One group; `share` of the best score of its modality, `spellings` as (text, count).

    `key` names it in the address, `also` are the other classes that share it.
    """

    key: str
    rank: int
    name: str
    score: float
    share: float
    samples: int
    spellings: list[tuple[str, int]]
    members: list[Member]
    also: ClassLinks
    shared: bool


def class_groups(choice: Choice, label: str, modality: Modality, limit: int, rival: str | None = None) -> list[Group]:
    """The first `limit` groups of a class, the representative member first.

    Args:
        rival: another class; where it is given, a group counts as shared only if that class has it, too.
    """
    assert choice.model is not None
    database, model = choice.database, choice.model.name
    groups = database.groups(model, label, modality)[:limit]
    verdicts = {sample.path: verdict(sample) for sample in database.samples(label, model)}
    best = max((group.score for group in groups), default=0.0)
    return [_group(choice, group, best, verdicts, rival) for group in groups]


def member_of(choice: Choice, modality: Modality, member: MemberView, verdicts: dict[str, str] | None = None) -> Member:
    """One member; `verdicts` by sample path."""
    what = f"“{member.text}” in " if member.text is not None else ""
    return Member(
        href=link(choice.names, sample=member.sample, focus=f"{modality}-{member.feature}"),
        crop=crop_address(choice.database, modality, member.sample, member.feature),
        tip=f"{what}{member.sample}: weight {member.weight:+.3f}",
        name=member.sample.rsplit("/", 1)[-1],
        weight=member.weight,
        verdict=(verdicts or {}).get(member.sample, "unknown"),
    )


def class_link(choice: Choice, label: str) -> ClassLink:
    """To the groups of a class."""
    title = choice.database.titles().get(label, label)
    return ClassLink(title, link({**choice.names, "class": label}, tab="global"))


def class_links(choice: Choice, labels: Sequence[str]) -> ClassLinks:
    """To the groups of several classes; a logo may be shared by hundreds."""
    return ClassLinks([class_link(choice, label) for label in labels[:SHOWN_CLASSES]], len(labels[SHOWN_CLASSES:]))


def ordered_members(group: GroupView) -> list[MemberView]:
    """The representative first."""
    return sorted(group.members, key=lambda member: member is not group.representative)


def score_used(database: Database) -> Score:
    """The score that the stored groups are ranked by: in the recipe of the run that ranked them, not of a later one."""
    run = database.reader.runs.of_stage("rank-global")
    name = (run.settings if run else {}).get("recipe", {}).get("global", {}).get("score", "normlime")
    return SCORES.get(name, Score(name, "How strongly the model relies on the group."))


def _group(choice: Choice, group: GroupView, best: float, verdicts: dict[str, str], rival: str | None) -> Group:
    also = choice.database.also_in(group)
    return Group(
        key=f"{group.modality}-{group.rank}",
        rank=group.rank,
        name=group.name if group.modality == "text" else f"Picture part {group.rank}",
        score=group.score,
        share=group.score / best if best else 0.0,
        samples=group.samples,
        spellings=sorted(group.spellings.items(), key=lambda item: (-item[1], item[0])),
        members=[member_of(choice, group.modality, member, verdicts) for member in ordered_members(group)],
        also=class_links(choice, also),
        shared=bool(also) if rival is None else rival in also,
    )
