"""The /view routes: each tab's content as HTML, with the names that the server filled in; and the header's choices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response

from app.databases import Database
from app.tabs.activation.tab import maps_fragment
from app.tabs.choice import choose
from app.tabs.compare.class_tab import compare_class
from app.tabs.compare.confusion import confusion_fragment
from app.tabs.compare.sample_tab import compare_sample
from app.tabs.gallery.tab import gallery_fragment
from app.tabs.global_explanations.class_tab import class_fragment
from app.tabs.global_explanations.embedding import embedding_fragment
from app.tabs.global_explanations.model_tab import model_fragment
from app.tabs.overview.tab import overview_fragment
from app.tabs.sample.strip import strip_fragment
from app.tabs.sample.tab import sample_fragment
from app.tabs.search.tab import search_fragment
from app.templating import percent
from app.view_state import read_state
from db.records.classes import ClassView
from db.records.models import ModelView

Choices = list[tuple[str, str]]


def view_router(databases: Mapping[str, Database], first_model: str | None) -> APIRouter:
    """Routes under /view/. `state` in an answer = the names that the page takes over into its address."""
    router = APIRouter(prefix="/view", dependencies=[Depends(_always_ask)])

    @router.get("/choices")
    def choices(request: Request) -> dict[str, Any]:
        choice = choose(databases, read_state(request.query_params), first_model)
        database = choice.database
        classes = database.classes(choice.model.name if choice.model else None)
        return {
            "choices": {
                "databases": [(name, name) for name in databases],
                "models": [(_model_name(model), model.name) for model in database.models()],
                "classes": [(_class_name(view), view.label) for view in classes],
            },
            "keys": {name: database.key for name, database in databases.items()},
            "state": {"db": database.name, "model": choice.model.name if choice.model else None},
            "title": database.name,
        }

    @router.get("/{slot}")
    def fragment(request: Request, slot: str) -> dict[str, Any]:
        state = read_state(request.query_params)
        choice = choose(databases, state, first_model)
        names = dict(choice.names)
        if slot == "sample":
            html, names["sample"] = sample_fragment(choice, state)
        elif slot == "maps":
            html, names["sample"] = maps_fragment(choice, state)
        elif slot == "global" and choice.model is not None and choice.model.kind == "embedding":
            html = embedding_fragment(choice, state)
        elif slot == "compare" and state.compare == "sample":
            html, names["sample"] = compare_sample(databases, choice, state)
        elif slot == "compare":
            html = compare_class(databases, choice) if state.compare == "class" else confusion_fragment(choice)
        elif slot == "gallery":
            html = gallery_fragment(choice, state, request.query_params.getlist("tagged"))
        elif slot == "global":
            html = model_fragment(choice, state) if state.scope == "model" else class_fragment(choice)
        elif slot == "search":
            html = search_fragment(choice, state)
        elif slot in _FRAGMENTS:
            html = _FRAGMENTS[slot](choice)
        else:
            raise HTTPException(404, f"no view {slot!r}")
        return {"html": html, "state": names}

    return router


_FRAGMENTS = {
    "strip": strip_fragment,
    "overview": overview_fragment,
}


def _always_ask(response: Response) -> None:
    """The database may change under an address: the page itself keeps fragments, for a minute."""
    response.headers["Cache-Control"] = "no-cache"


def _model_name(model: ModelView) -> str:
    return model.name if model.accuracy is None else f"{model.name} · {percent(model.accuracy, 1)}"


def _class_name(view: ClassView) -> str:
    parts = [view.title, view.family, None if view.accuracy is None else percent(view.accuracy)]
    return " · ".join(part for part in parts if part)
