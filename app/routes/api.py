"""The endpoints for programs, under fixed names: /classes, /samples, /explanation, /global, /modality, /search."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, get_args

import gradio as gr
import numpy as np

from app.databases import Database
from app.tabs.search.find import Spelling, find
from db.records.explanations import Modality
from db.records.samples import Split

Json = dict[str, Any]
MODALITIES: tuple[Modality, ...] = get_args(Modality)


def add_endpoints(databases: Mapping[str, Database]) -> None:
    """Add the endpoints to the Blocks that are being built."""

    def database_of(db: str) -> Database:
        if db and db not in databases:
            raise gr.Error(f"no database {db!r}; there are {', '.join(databases)}")
        return databases[db] if db else next(iter(databases.values()))

    def known(database: Database, model: str, label: str = "") -> Database:
        if model and model not in (names := [view.name for view in database.models()]):
            raise gr.Error(f"no model {model!r}; there are {', '.join(names)}")
        if label and label not in database.titles():
            raise gr.Error(f"no class {label!r}; the endpoint /classes lists them")
        return database

    def classes(model: str = "", db: str = "") -> list[Json]:
        """All classes with their number of samples and, for a model, its accuracy in each.

        Args:
            model: a model's name, or empty.
            db: the name of the database, where several are open; empty for the first.
        """
        return [_plain(view) for view in known(database_of(db), model).classes(model or None)]

    def samples(label: str, model: str = "", split: str = "", db: str = "") -> list[Json]:
        """The samples of a class, with what a model says of each.

        Args:
            label: a class's label, as /classes lists it.
            model: a model's name, or empty.
            split: train, test or empty for both.
            db: the name of the database, where several are open; empty for the first.
        """
        if split not in ("", *get_args(Split)):
            raise gr.Error("split is train, test or empty for both")
        found = known(database_of(db), model, label).reader.samples.of_class(label, model or None)
        return [_plain(view) for view in found if split in ("", view.split)]

    def explanation(model: str, sample: str, db: str = "") -> list[Json]:
        """A model's explanations of a sample, weights and all: the predicted class first.

        Args:
            model: a model's name.
            sample: a sample's name, as /samples lists it.
            db: the name of the database, where several are open; empty for the first.
        """
        reader = known(database_of(db), model).reader
        detail = reader.samples.get(sample)
        if detail is None:
            raise gr.Error(f"no sample {sample!r}; the endpoint /samples lists them")
        entries = [_plain(entry) for entry in detail.entries]
        return [{**_plain(found), "entries": entries} for found in reader.explanations.of(model, sample)]

    def global_groups(model: str, label: str = "", modality: str = "", db: str = "") -> list[Json]:
        """The global groups of a model and class by rank; `also_in` = the other classes that share the group.

        Without a class: the model's deletion test and the names of its shared groups, one record a modality.

        Args:
            model: a model's name.
            label: a class's label, or empty for the whole model.
            modality: image, text or empty for both.
            db: the name of the database, where several are open; empty for the first.
        """
        if modality not in ("", *MODALITIES):
            raise gr.Error("modality is image, text or empty for both")
        database = known(database_of(db), model, label)
        wanted: list[Modality] = [kind for kind in MODALITIES if modality in ("", kind)]
        if not label:
            return [_whole_model(database, model, kind) for kind in wanted]
        groups = [group for kind in wanted for group in database.reader.groups.of_class(model, label, kind)]
        return [{**_plain(group), "also_in": list(database.also_in(group))} for group in groups]

    def modality(model: str, label: str = "", db: str = "") -> list[Json]:
        """The modality ratio of each explained sample of a model, or of one class of samples.

        Args:
            model: a model's name.
            label: a class's label, or empty for all classes.
            db: the name of the database, where several are open; empty for the first.
        """
        reader = known(database_of(db), model, label).reader
        return [_plain(share) for share in reader.explanations.image_shares(model, label or None)]

    def search(words: str, db: str = "") -> list[Json]:
        """Words read on the packs, misspelt ones too, across classes: one record a spelling, the likest first.

        Each has its count by class and some examples, with what the entry weighs in each model's explanation of the
        predicted class.

        Args:
            words: one or more words, or their beginnings.
            db: the name of the database, where several are open; empty for the first.
        """
        return [_spelling(found) for found in find(database_of(db), words).spellings]

    for function, name in (
        (classes, "classes"),
        (samples, "samples"),
        (explanation, "explanation"),
        (global_groups, "global"),
        (modality, "modality"),
        (search, "search"),
    ):
        gr.api(function, api_name=name, queue=False, concurrency_limit=None)


def _whole_model(database: Database, model: str, modality: Modality) -> Json:
    tests = [
        view for view in database.reader.evaluations.deletion() if (view.model, view.modality) == (model, modality)
    ]
    shared = [view for view in database.shared_groups(model) if view.modality == modality]
    return {
        "model": model,
        "modality": modality,
        "deletion": _plain(tests[0]) if tests else None,
        "shared": [{"name": view.name, "classes": list(view.labels)} for view in shared],
    }


def _spelling(found: Spelling) -> Json:
    hits = []
    for hit in found.hits:
        weights = [{"model": one.model, "target": one.target, "weight": one.weight} for one in hit.weights]
        entry = hit.entry
        names = {"sample": entry.sample, "split": entry.split, "label": entry.label}
        hits.append({**names, "position": entry.position, "text": entry.text, "weights": weights})
    return {
        "spelling": found.name,
        "similarity": found.similarity,
        "entries": found.entries,
        "written": dict(found.written.most_common()),
        "classes": dict(found.classes.most_common()),
        "hits": hits,
    }


def _plain(record: Any) -> Json:
    """A record of db/records as JSON values; a sample's name is `sample` everywhere.

    `path` would make gradio_client take the record for a file and ask for it.
    """
    values = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    return {"sample" if name == "path" else name: _value(value) for name, value in values.items() if name != "id"}


def _value(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, tuple):
        return [_plain(item) if dataclasses.is_dataclass(item) else item for item in value]
    return value
