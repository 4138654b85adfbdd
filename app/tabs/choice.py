"""The database, model, class and sample that an address names, with a default for each that is missing or unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.databases import Database
from app.view_state import ViewState
from db.records.models import ModelView
from db.records.samples import SampleView


@dataclass(frozen=True)
class Choice:
    """The names that a fragment is about; None where the database holds none yet. `notices` tell of names unknown."""

    database: Database
    model: ModelView | None
    label: str | None
    notices: tuple[str, ...]

    @property
    def names(self) -> dict[str, str | None]:
        """As the page's address has them."""
        model = self.model.name if self.model else None
        return {"db": self.database.name, "model": model, "class": self.label}

    def of_class(self, label: str) -> Choice:
        """The same of another class."""
        return replace(self, label=label)


def choose(databases: Mapping[str, Database], state: ViewState, first_model: str | None) -> Choice:
    """Find what the address names.

    Args:
        first_model: the model shown where the address names none.
    """
    notices = []
    database = databases.get(state.db or "")
    if database is None:
        database = next(iter(databases.values()))
        if state.db is not None:
            notices.append(f"There is no database “{state.db}” here; this is “{database.name}”.")
    models = database.models()
    model = next((model for model in models if model.name == state.model), None)
    if model is None:
        model = _default_model(models, first_model)
        if model is not None and state.model is not None:
            notices.append(f"There is no model “{state.model}” in this database; this is “{model.name}”.")
    label = _label(database, model, state, notices)
    return Choice(database, model, label, tuple(notices))


def choose_explained(choice: Choice) -> str | None:
    """The model that is shown, another where it has no explanations."""
    if choice.model is not None and choice.model.explanations:
        return choice.model.name
    found = _default_model(choice.database.models(), None)
    return found.name if found else None


def choose_sample(choice: Choice, state: ViewState) -> tuple[str | None, tuple[str, ...]]:
    """The sample that the address names, or the first explained one of the class; and a note to the reader."""
    if choice.label is None:
        return None, ()
    named = choice.database.sample(state.sample) if state.sample else None
    if named is not None and named.label == choice.label:
        return named.path, ()
    first = next(iter(samples_to_show(choice)), None)
    if state.sample is None or first is None:
        return first.path if first else None, ()
    return first.path, (f"There is no sample “{state.sample}” in this class; this is the first one.",)


def samples_to_show(choice: Choice) -> list[SampleView]:
    """The class's samples that have an explanation or, by an embedding's classifier, maps; all where none has."""
    if choice.label is None:
        return []
    samples = choice.database.samples(choice.label, choice.model.name if choice.model else None)
    explained = {sample.path for sample in samples if sample.explained}
    if not explained and choice.model is not None and choice.model.kind == "embedding":
        explained = choice.database.reader.activation.mapped_samples(choice.model.name, choice.label)
    return [sample for sample in samples if sample.path in explained] or samples


def verdict(sample: SampleView) -> str:
    """`right`, `wrong` or, without a prediction, `unknown`."""
    return "unknown" if sample.right is None else "right" if sample.right else "wrong"


def _default_model(models: list[ModelView], wanted: str | None) -> ModelView | None:
    """The one asked for at the start, else the most accurate of those with explanations."""
    named = next((model for model in models if model.name == wanted), None)
    return named or max(models, key=lambda model: (model.explanations > 0, model.accuracy or 0), default=None)


def _label(database: Database, model: ModelView | None, state: ViewState, notices: list[str]) -> str | None:
    titles = database.titles()
    if state.label in titles:
        return state.label
    if state.label is not None:
        notices.append(f"There is no class “{state.label}” in this database.")
    if state.sample is not None and (detail := database.sample(state.sample)):
        return detail.label
    classes = database.classes(model.name if model else None)
    return next((view.label for view in classes if view.explained), next(iter(titles), None))
