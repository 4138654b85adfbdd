"""The Overview tab: what a database holds, how good its models are, and where to look first."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean

from app.rendering import link, render
from app.tabs import note
from app.tabs.choice import Choice
from db.views import ClassView, ModelView

KINDS = {
    "image": "picture only",
    "text": "words only",
    "feature_concatenation": "fusion of features",
    "score_fusion": "fusion of scores",
    "embracenet": "fusion of features, EmbraceNet",
    "own": "own model",
    "embedding": "forest on features of the picture",
}


@dataclass(frozen=True)
class ModelLine:
    """One model; `image_share` = mean over its explained samples, None without."""

    name: str
    kind: str
    href: str
    current: bool
    accuracy: float | None
    top3_accuracy: float | None
    explanations: int
    image_share: float | None


@dataclass(frozen=True)
class ClassLine:
    """One class under the chosen model."""

    title: str
    label: str
    family: str | None
    href: str
    samples: int
    explained: int
    accuracy: float | None


@dataclass(frozen=True)
class OverviewPage:
    """All that the template shows; classes with the lowest accuracy first."""

    notices: tuple[str, ...]
    database: str
    dataset: str
    samples: int
    classes: list[ClassLine]
    models: list[ModelLine]
    explanations: int
    problems: int
    running: bool
    model: str | None


def overview_fragment(choice: Choice) -> str:
    """The chosen database as a whole."""
    library = choice.library
    classes = library.classes(choice.model.name if choice.model else None)
    runs = library.reader.runs()
    if not classes:
        return note.nothing_yet(choice)
    models = library.models()
    page = OverviewPage(
        notices=choice.notices,
        database=library.shown,
        dataset=runs[-1].dataset if runs else "",
        samples=sum(view.train + view.test for view in classes),
        classes=[_class_line(choice, view) for view in sorted(classes, key=_worst_first)],
        models=[_model_line(choice, model) for model in models],
        explanations=sum(model.explanations for model in models),
        problems=len(library.reader.problems()) + len(library.reader.failures()),
        running=bool(runs) and runs[-1].finished_at is None,
        model=choice.model.name if choice.model else None,
    )
    return render("overview.html", page=page, command=note.command(choice))


def _worst_first(view: ClassView) -> tuple[float, str]:
    return (2.0 if view.accuracy is None else view.accuracy, view.label)


def _model_line(choice: Choice, model: ModelView) -> ModelLine:
    shares = choice.library.image_shares(model.name) if model.explanations else []
    known = [share.image_share for share in shares if share.image_share is not None]
    return ModelLine(
        name=model.name,
        kind=KINDS.get(model.kind, model.kind),
        href=link(choice.names, model=model.name, tab="overview"),
        current=choice.model is not None and model.name == choice.model.name,
        accuracy=model.accuracy,
        top3_accuracy=model.top3_accuracy,
        explanations=model.explanations,
        image_share=fmean(known) if known else None,
    )


def _class_line(choice: Choice, view: ClassView) -> ClassLine:
    return ClassLine(
        title=view.title,
        label=view.label,
        family=view.family,
        href=link({**choice.names, "class": view.label}, tab="gallery"),
        samples=view.train + view.test,
        explained=view.explained,
        accuracy=view.accuracy,
    )
