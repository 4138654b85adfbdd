"""What an address asks for, found in the databases: the first that there is in place of what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.databases import Library
from app.view_state import ViewState
from db.records.models import ModelView
from db.records.samples import SampleView


@dataclass(frozen=True)
class Choice:
    """The names that a fragment is about; None where the database holds none yet. `notices` tell of names unknown."""

    library: Library
    model: ModelView | None
    label: str | None
    notices: tuple[str, ...]

    @property
    def names(self) -> dict[str, str | None]:
        """As the page's address has them."""
        model = self.model.name if self.model else None
        return {"db": self.library.name, "model": model, "class": self.label}

    def of_class(self, label: str) -> Choice:
        """The same of another class."""
        return replace(self, label=label)


def choose(libraries: Mapping[str, Library], state: ViewState, first_model: str | None) -> Choice:
    """Find what the address names.

    Args:
        first_model: the model shown where the address names none.
    """
    notices = []
    library = libraries.get(state.db or "")
    if library is None:
        library = next(iter(libraries.values()))
        if state.db is not None:
            notices.append(f"There is no database “{state.db}” here; this is “{library.name}”.")
    models = library.models()
    model = next((model for model in models if model.name == state.model), None)
    if model is None:
        model = _default_model(models, first_model)
        if model is not None and state.model is not None:
            notices.append(f"There is no model “{state.model}” in this database; this is “{model.name}”.")
    label = _label(library, model, state, notices)
    return Choice(library, model, label, tuple(notices))


def choose_explained(choice: Choice) -> str | None:
    """The model that is shown, another where it has no explanations."""
    if choice.model is not None and choice.model.explanations:
        return choice.model.name
    found = _default_model(choice.library.models(), None)
    return found.name if found else None


def choose_sample(choice: Choice, state: ViewState) -> tuple[str | None, tuple[str, ...]]:
    """The sample that the address names, or the first of the class that tells something; and a note to the reader."""
    if choice.label is None:
        return None, ()
    named = choice.library.sample(state.sample) if state.sample else None
    if named is not None and named.label == choice.label:
        return named.path, ()
    first = next(iter(telling_samples(choice)), None)
    if state.sample is None or first is None:
        return first.path if first else None, ()
    return first.path, (f"There is no sample “{state.sample}” in this class; this is the first one.",)


def telling_samples(choice: Choice) -> list[SampleView]:
    """The class's samples that have an explanation or, by an embedding's classifier, maps; all where none has."""
    if choice.label is None:
        return []
    samples = choice.library.samples(choice.label, choice.model.name if choice.model else None)
    told = {sample.path for sample in samples if sample.explained}
    if not told and choice.model is not None and choice.model.kind == "embedding":
        told = choice.library.reader.activation.mapped_samples(choice.model.name, choice.label)
    return [sample for sample in samples if sample.path in told] or samples


def verdict(sample: SampleView) -> str:
    """`right`, `wrong` or, without a prediction, `unknown`."""
    return "unknown" if sample.right is None else "right" if sample.right else "wrong"


def _default_model(models: list[ModelView], wanted: str | None) -> ModelView | None:
    """The one asked for at the start, else the most accurate of those with explanations."""
    named = next((model for model in models if model.name == wanted), None)
    return named or max(models, key=lambda model: (model.explanations > 0, model.accuracy or 0), default=None)


def _label(library: Library, model: ModelView | None, state: ViewState, notices: list[str]) -> str | None:
    titles = library.titles()
    if state.label in titles:
        return state.label
    if state.label is not None:
        notices.append(f"There is no class “{state.label}” in this database.")
    if state.sample is not None and (detail := library.sample(state.sample)):
        return detail.label
    classes = library.classes(model.name if model else None)
    return next((view.label for view in classes if view.explained), next(iter(titles), None))
