"""The explanations that are compared: of every explained model of all opened databases, for one sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.databases import Database
from app.drawing.importance import Array
from app.tabs.choice import Choice
from app.view_state import ViewState
from db.records.explanations import ExplanationView
from db.records.models import ModelView
from db.records.samples import SampleDetail


@dataclass(frozen=True)
class Subject:
    """One model of one database."""

    database: Database
    model: ModelView

    def of(self, choice: Choice) -> Choice:
        """The same view of this model."""
        return replace(choice, database=self.database, model=self.model, notices=())


@dataclass(frozen=True)
class Explained:
    """What a subject says: `answer` explains its own answer, `found` what all are compared by.

    `weights` = those of `found`, of all superpixels and then of all entries; `matches` = they are of the same features
    as those of the database that was chosen.
    """

    subject: Subject
    answer: ExplanationView
    found: ExplanationView
    detail: SampleDetail
    weights: Array
    matches: bool


def subjects(databases: Mapping[str, Database], choice: Choice) -> list[Subject]:
    """All explained models, those of the chosen database first."""
    ordered = [choice.database, *(database for database in databases.values() if database is not choice.database)]
    return [Subject(database, model) for database in ordered for model in database.models() if model.explanations]


def names_of(found: Sequence[Subject]) -> list[str]:
    """A name for each, unlike every other's: the database stands in it where there are several."""
    several = len({id(one.database) for one in found}) > 1
    return [f"{one.model.name} · {one.database.name}" if several else one.model.name for one in found]


def explained_by(subject: Subject, detail: SampleDetail, choice: Choice, state: ViewState) -> Explained | None:
    """What a subject says of a sample; None where it does not explain it."""
    explanations = subject.database.explanations(subject.model.name, detail.path)
    answer = next((one for one in explanations if one.kind == "predicted"), None)
    own = subject.database.sample(detail.path)
    if answer is None or own is None:
        return None
    of_truth = next((one for one in explanations if one.target == one.label), answer)
    found = of_truth if state.explained_class == "true" else answer
    weights = np.concatenate([found.image_weights, found.text_weights])
    matches = _same_features(choice.database, subject.database, detail, own)
    return Explained(subject, answer, found, own, weights, matches)


def _same_features(first: Database, second: Database, one: SampleDetail, other: SampleDetail) -> bool:
    """Whether two databases cut a sample into the same superpixels and read the same words off it."""
    if first is second:
        return True
    both = first.regions(one.path), second.regions(other.path)
    if both[0] is None or both[1] is None:
        return False
    texts = [entry.text for entry in one.entries], [entry.text for entry in other.entries]
    return both[0].label_map == both[1].label_map and texts[0] == texts[1]
