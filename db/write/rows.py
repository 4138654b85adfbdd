"""From records to rows: names become keys; samples, superpixels and models belong to no unit and are updated."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import delete, null, select, update
from sqlalchemy.orm import Session

from db.records.written import (
    ClassSamplesRecord,
    EvaluationRecord,
    ExplanationRecord,
    FinishedUnit,
    ForecastRecord,
    GroupRecord,
    MapRecord,
    ModelRecord,
    PredictionRecord,
    ProblemRecord,
    RankRecord,
    Record,
    SegmentationRecord,
    TextRecord,
)
from db.schema.base import Base
from db.schema.tables import (
    ActivationMap,
    Category,
    EmbeddingForecast,
    Evaluation,
    Explanation,
    GlobalGroup,
    GlobalMember,
    Model,
    Prediction,
    Problem,
    Sample,
    Segmentation,
    WorkUnit,
)
from db.write.samples import SampleStore, store_text

_TABLES: Mapping[type[Record], type[Base]] = {
    PredictionRecord: Prediction,
    ExplanationRecord: Explanation,
    ForecastRecord: EmbeddingForecast,
    MapRecord: ActivationMap,
    EvaluationRecord: Evaluation,
    GroupRecord: GlobalGroup,
}
_CLASS = ("label", "predicted_class", "explained_class")
"""Fields of records of which one may name the class that a row belongs to."""
EXPLAIN_LOCAL = "explain-local"

Changes = dict[type[Base], list[dict[str, Any]]]


class RowBuilder:
    """Turns the records of one transaction into rows.

    Args:
        run_id: that new rows belong to.
        dependents: the stages whose results are made from a stage's.
    """

    def __init__(self, session: Session, run_id: int, dependents: Callable[[str], Collection[str]]) -> None:
        self._session, self._run_id, self._dependents = session, run_id, dependents
        self._models: dict[str, int] = {}
        self._samples: dict[str, int] = {}
        self._labels: dict[str, int] = {}
        self._segmentations: dict[int, int] = {}

    def kept(self, unit: FinishedUnit) -> bool:
        """Whether the unit stores a model that is there with the same weights; then only its mark is renewed."""
        return any(isinstance(record, ModelRecord) and self._keep(unit, record) for record in unit.records)

    def _keep(self, unit: FinishedUnit, record: ModelRecord) -> bool:
        stored = self._session.scalar(select(Model).where(Model.name == record.name))
        same = stored is not None and (
            (stored.kind, stored.checkpoint, stored.checkpoint_hash, list(stored.classes))
            == (record.kind, record.checkpoint, record.checkpoint_hash, list(record.classes))
        )
        if stored is None or not same:
            return False
        for name in ("position", "explained", "settings", "settings_hash", "history"):
            setattr(stored, name, getattr(record, name))
        mark = update(WorkUnit).where(WorkUnit.stage == unit.stage, WorkUnit.key == unit.key)
        self._session.execute(mark.values(settings_hash=unit.mark, settings=unit.settings, status="done"))
        return True

    def rows(self, unit: FinishedUnit) -> tuple[list[Base], Changes]:
        """The rows that belong to a unit, and changes of stored ones; what belongs to no unit is stored here."""
        rows: list[Base] = []
        changes: Changes = {}
        for record in unit.records:
            match record:
                case SegmentationRecord():
                    self._store_segmentation(record)
                case ClassSamplesRecord():
                    SampleStore(self._session, self._run_id, record, self._dependents("ingest")).store()
                case TextRecord():
                    store_text(self._session, record)
                case ModelRecord():
                    rows.append(Model(run_id=self._run_id, **_columns(record)))
                case ProblemRecord():
                    rows.append(Problem(run_id=self._run_id, stage=unit.stage, **_columns(record)))
                case RankRecord():
                    change = {"id": record.group_id, "rank": record.rank, "score": record.score}
                    changes.setdefault(GlobalGroup, []).append({**change, "concept": record.concept})
                case _:
                    rows.append(self._row(record))
        return rows, changes

    def _row(self, record: Record) -> Base:
        columns = _columns(record)
        keys = {
            "model_id": self.model_id(columns.pop("model")),
            "sample_id": self.sample_id(columns.pop("sample")) if "sample" in columns else None,
            "category_id": next((self.category_id(columns.pop(name)) for name in _CLASS if name in columns), None),
        }
        keys = {name: key for name, key in keys.items() if key is not None}
        if isinstance(record, ExplanationRecord):
            keys["segmentation_id"] = self._segmentation_id(keys.get("sample_id"))
        if isinstance(record, GroupRecord):
            columns["members"] = [GlobalMember(**_columns(member)) for member in record.members]
        return _TABLES[type(record)](**columns, **keys)

    def model_id(self, name: str | None) -> int | None:
        """The key of a model, None for None."""
        return self._key(self._models, select(Model.id).where(Model.name == name), name)

    def sample_id(self, path: str | None) -> int | None:
        """The key of a sample, None for None."""
        return self._key(self._samples, select(Sample.id).where(Sample.path == path), path)

    def category_id(self, label: str | None) -> int | None:
        """The key of a class, None for None."""
        return self._key(self._labels, select(Category.id).where(Category.label == label), label)

    def _key(self, known: dict[str, int], query: Any, name: str | None) -> int | None:
        if name is None:
            return None
        if name not in known:
            known[name] = self._session.execute(query).scalar_one()
        return known[name]

    def _segmentation_id(self, sample_id: int | None) -> int:
        assert sample_id is not None
        if sample_id not in self._segmentations:
            query = select(Segmentation.id).where(Segmentation.sample_id == sample_id)
            self._segmentations[sample_id] = self._session.execute(query).scalar_one()
        return self._segmentations[sample_id]

    def _store_segmentation(self, record: SegmentationRecord) -> None:
        sample_id = self.sample_id(record.sample)
        query = select(Segmentation.id, Segmentation.settings_hash).where(Segmentation.sample_id == sample_id)
        stored = self._session.execute(query).first()
        if stored is not None and stored.settings_hash == record.settings_hash:
            return
        if stored is not None:
            units = delete(WorkUnit).where(WorkUnit.stage == EXPLAIN_LOCAL, WorkUnit.sample_id == sample_id)
            self._session.execute(units)
            self._session.execute(delete(Segmentation).where(Segmentation.id == stored.id))
        columns = _columns(record)
        del columns["sample"]
        self._session.add(Segmentation(sample_id=sample_id, **columns))
        self._session.flush()


def _columns(record: Any) -> dict[str, Any]:
    return {field.name: _plain(getattr(record, field.name)) for field in fields(record)}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value


def store_accuracy(session: Session, figures: Mapping[str, Mapping[str, Any]]) -> None:
    """Set a model's figures, by name; None = it has none."""
    for name, columns in figures.items():
        values = {column: null() if value is None else value for column, value in columns.items()}
        session.execute(update(Model).where(Model.name == name).values(values))
