"""What can be exported: a stream of records an explanation, group, sample, figure or map, and their fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

import numpy as np
from sqlalchemy import Connection, Engine, RowMapping, Select, and_, select

from db.read.evaluations import ORDER, evaluation_query
from db.read.explanations import explanation_query
from db.read.reader import Reader
from db.records.explanations import Modality
from db.schema.tables import (
    TARGET_KINDS,
    ActivationMap,
    Category,
    EmbeddingForecast,
    Evaluation,
    Explanation,
    Model,
    OcrEntry,
    Sample,
)

Record = dict[str, Any]
_CHUNK = 200  # samples held in memory at a time


@dataclass(frozen=True)
class Export:
    """What can be exported: a stream of records and the type of each field.

    Types: text, number, integer, flag, texts, numbers (float32), integers, json (anything else; text in CSV and
    Parquet).
    """

    records: Callable[[Engine], Iterator[Record]]
    fields: Mapping[str, str]


def explanation_records(engine: Engine) -> Iterator[Record]:
    """Every explanation by model, path of the sample, and kind."""
    with engine.connect() as connection:
        for model_id in connection.scalars(select(Model.id).order_by(Model.position, Model.name)).all():
            for samples in _sample_chunks(connection):
                texts = _texts(connection, samples)
                query = explanation_query().add_columns(Explanation.sample_id)
                query = query.where(Explanation.model_id == model_id, Explanation.sample_id.in_(samples))
                rows = connection.execute(query).mappings().all()
                for row in sorted(rows, key=lambda row: (row["sample"], TARGET_KINDS.index(row["kind"]))):
                    yield {**_listed(row), "entries": texts.get(row["sample_id"], [])}


def global_records(engine: Engine) -> Iterator[Record]:
    """Every global group with its members, by model, class, modality and rank."""
    reader = Reader(engine)
    labels = [view.label for view in reader.classes.all()]
    for model in reader.models.all():
        for label in labels:
            for modality in get_args(Modality):
                for group in reader.groups.of_class(model.name, label, modality):
                    yield asdict(group)


def modality_records(engine: Engine) -> Iterator[Record]:
    """The modality ratio of every explanation of a predicted class, by model and path.

    Definition: docs/definitions.md, Modality share.
    """
    reader = Reader(engine)
    for model in reader.models.all():
        for share in reader.explanations.image_shares(model.name):
            yield {"model": model.name, **asdict(share)}


def evaluation_records(engine: Engine) -> Iterator[Record]:
    """Every measured figure by kind, model, class, path of the sample, and modality."""
    query = evaluation_query(Evaluation.kind, Model.name.label("model")).order_by(Evaluation.kind, *ORDER)
    with engine.connect() as connection:
        paths = dict(connection.execute(select(Sample.id, Sample.path)).tuples().all())
    for record in _streamed(engine, query):
        yield {**record, "figures": _with_paths(record["figures"], paths)}


def _with_paths(figures: Record, paths: Mapping[int, str]) -> Record:
    """Figures that name samples by path, as everything does outside of the database."""
    if "places" not in figures:
        return figures
    return {**figures, "places": [[paths.get(sample), *rest] for sample, *rest in figures["places"]]}


def activation_records(engine: Engine) -> Iterator[Record]:
    """Every activation map with the forecast that it belongs to, by model and path of the sample.

    Definition: docs/definitions.md, Activation map.
    """
    maps = ("target", "strategy", "variant", "stage", "top", "maximum", "width", "height", "values")
    query = (
        select(
            Model.name.label("model"),
            Sample.path.label("sample"),
            Category.label.label("predicted"),
            EmbeddingForecast.features,
            EmbeddingForecast.weights.label("feature_weights"),
            EmbeddingForecast.values.label("feature_values"),
            EmbeddingForecast.similarities,
            *(getattr(ActivationMap, name) for name in maps),
        )
        .join(Model, Model.id == ActivationMap.model_id)
        .join(Sample, Sample.id == ActivationMap.sample_id)
        .outerjoin(
            EmbeddingForecast,
            and_(
                EmbeddingForecast.model_id == ActivationMap.model_id,
                EmbeddingForecast.sample_id == ActivationMap.sample_id,
            ),
        )
        .outerjoin(Category, Category.id == EmbeddingForecast.category_id)
        .order_by(Model.position, Sample.path, *(getattr(ActivationMap, name) for name in maps[:5]))
    )
    for record in _streamed(engine, query):
        setting = (record["strategy"], record["top"])
        cosines = {(strategy, top): cosine for strategy, top, cosine in record.pop("similarities") or ()}
        yield {**record, "similarity": cosines.get(setting) if record["target"] == "forecast" else None}


EXPORTS: Mapping[str, Export] = {
    "explanations": Export(
        explanation_records,
        {
            **dict.fromkeys(("model", "sample", "split", "target", "kind", "label", "predicted"), "text"),
            **dict.fromkeys(("probability", "surrogate_prediction", "intercept", "r2"), "number"),
            **dict.fromkeys(("image_evaluations", "text_evaluations"), "integer"),
            **dict.fromkeys(("sampler", "fill"), "text"),
            "seed": "integer",
            **dict.fromkeys(("image_weights", "image_errors", "text_weights", "text_errors"), "numbers"),
            "entries": "texts",
            **dict.fromkeys(("image_share", "image_share_positive"), "number"),
            **dict.fromkeys(("probability_without_text", "probability_without_image"), "number"),
        },
    ),
    "global": Export(
        global_records,
        {
            **dict.fromkeys(("model", "label", "modality"), "text"),
            "rank": "integer",
            "name": "text",
            "score": "number",
            "samples": "integer",
            **dict.fromkeys(("spellings", "members"), "json"),
        },
    ),
    "modality": Export(
        modality_records,
        {
            **dict.fromkeys(("model", "sample", "label"), "text"),
            "right": "flag",
            **dict.fromkeys(("image_share", "image_share_positive", "probability"), "number"),
            **dict.fromkeys(("probability_without_text", "probability_without_image"), "number"),
        },
    ),
    "evaluation": Export(
        evaluation_records,
        {**dict.fromkeys(("kind", "model", "sample", "label", "modality"), "text"), "figures": "json"},
    ),
    "activation": Export(
        activation_records,
        {
            **dict.fromkeys(("model", "sample", "predicted"), "text"),
            "features": "integers",
            **dict.fromkeys(("feature_weights", "feature_values"), "numbers"),
            **dict.fromkeys(("target", "strategy", "variant"), "text"),
            **dict.fromkeys(("stage", "top"), "integer"),
            **dict.fromkeys(("similarity", "maximum"), "number"),
            **dict.fromkeys(("width", "height"), "integer"),
            "values": "numbers",
        },
    ),
}


def _listed(row: RowMapping) -> Record:
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in row.items()}


def _streamed(engine: Engine, query: Select[Any]) -> Iterator[Record]:
    with engine.connect() as connection:
        for row in connection.execute(query.execution_options(yield_per=_CHUNK)).mappings():
            yield _listed(row)


def _sample_chunks(connection: Connection) -> Iterator[Sequence[int]]:
    """Keys of all samples by path, some at a time."""
    paths = sorted((path, key) for key, path in connection.execute(select(Sample.id, Sample.path)))
    for start in range(0, len(paths), _CHUNK):
        yield [key for _, key in paths[start : start + _CHUNK]]


def _texts(connection: Connection, samples: Sequence[int]) -> dict[int, list[str]]:
    query = select(OcrEntry.sample_id, OcrEntry.text).where(OcrEntry.sample_id.in_(samples))
    texts: dict[int, list[str]] = {}
    for sample, text in connection.execute(query.order_by(OcrEntry.sample_id, OcrEntry.position)):
        texts.setdefault(sample, []).append(text)
    return texts
