"""The tables as SQLAlchemy typed mappings; db/README.md is their written specification."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.schema.base import Base, one_of, to
from db.schema.columns import Float16Array
from db.values import Point, Vector

SPLITS = ("train", "test")
TARGET_KINDS = ("predicted", "true", "runner_up")
MODALITIES = ("image", "text")
PICTURE_KINDS = ("thumbnail", "display", "sprite")
EVIDENCE_KINDS = ("entry", "region")
MAP_TARGETS = ("forecast", "class", *TARGET_KINDS)
STRATEGIES = ("TZZ", "TOZ", "TRR", "selected", "image", "probability")
VARIANTS = ("grad-cam", "grad-cam++", "xgrad-cam", "hires-cam", "layer-cam")


class Run(Base):
    """One set of settings that results were computed with."""

    __tablename__ = "run"

    id: Mapped[int] = mapped_column(primary_key=True)
    settings: Mapped[dict[str, Any]]
    settings_hash: Mapped[str] = mapped_column(unique=True)
    seed: Mapped[int] = mapped_column(BigInteger)
    versions: Mapped[dict[str, Any]]
    dataset: Mapped[str]
    artifacts: Mapped[str]
    started_at: Mapped[datetime.datetime]
    finished_at: Mapped[datetime.datetime | None]


class WorkUnit(Base):
    """The 'done' mark of the smallest piece of work; it owns the rows that it wrote."""

    __tablename__ = "work_unit"
    __table_args__ = (UniqueConstraint("stage", "settings_hash", "key"), one_of("status", ("done", "failed")))

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = to("run")
    stage: Mapped[str]
    settings_hash: Mapped[str]
    key: Mapped[str]
    model_id: Mapped[int | None] = to("model")
    sample_id: Mapped[int | None] = to("sample")
    status: Mapped[str]
    message: Mapped[str | None]
    seconds: Mapped[float]
    finished_at: Mapped[datetime.datetime]
    records: Mapped[int | None]
    settings: Mapped[str | None]

    model: Mapped[Model | None] = relationship()
    sample: Mapped[Sample | None] = relationship()


class LeaseRow(Base):
    """Who is writing to the database now, see db/write/lease.py; no row while nobody is."""

    __tablename__ = "lease"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    token: Mapped[str]
    host: Mapped[str]
    process: Mapped[str]
    pid: Mapped[int]
    command: Mapped[str]
    acquired_at: Mapped[datetime.datetime]
    heartbeat_at: Mapped[datetime.datetime]


class Problem(Base):
    """Something that was skipped, with the file and the line to fix; it is deleted with the unit that met it."""

    __tablename__ = "problem"

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = to("run")
    unit_id: Mapped[int | None] = to("work_unit")
    stage: Mapped[str]
    file: Mapped[str]
    line: Mapped[int | None]
    sample: Mapped[str | None]
    message: Mapped[str]


class Category(Base):
    """A class; named so because `class` is a word of Python and of SQL's standard."""

    __tablename__ = "category"

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = to("run")
    label: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str | None]
    family: Mapped[str | None]


class Sample(Base):
    """One photograph with its class; `path` is its name everywhere."""

    __tablename__ = "sample"
    __table_args__ = (
        one_of("split", SPLITS),
        # lists and counts the samples of a class from the index alone
        Index("ix_sample_class", "category_id", "split", "path"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = to("run")
    path: Mapped[str] = mapped_column(unique=True)
    split: Mapped[str]
    category_id: Mapped[int] = to("category", index=False)
    picture_hash: Mapped[str]
    entries_hash: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]

    category: Mapped[Category] = relationship()
    entries: Mapped[list[OcrEntry]] = relationship(order_by="OcrEntry.position", viewonly=True)


class Picture(Base):
    """A derived picture: of a sample (thumbnail, display) or of a class and split (sprite)."""

    __tablename__ = "picture"
    __table_args__ = (
        UniqueConstraint("sample_id", "kind"),
        UniqueConstraint("category_id", "split"),
        one_of("kind", PICTURE_KINDS),
        CheckConstraint("(sample_id IS NULL) <> (category_id IS NULL)", name="owner"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    sample_id: Mapped[int | None] = to("sample")
    category_id: Mapped[int | None] = to("category")
    split: Mapped[str | None]
    media_type: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    digest: Mapped[str]
    layout: Mapped[dict[str, Any] | None]
    content: Mapped[bytes] = mapped_column(deferred=True)

    sample: Mapped[Sample | None] = relationship()
    category: Mapped[Category | None] = relationship()


class OcrEntry(Base):
    """One text read off the package, with the polygon that it was read at."""

    __tablename__ = "ocr_entry"
    __table_args__ = (UniqueConstraint("sample_id", "position"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    sample_id: Mapped[int] = to("sample")
    position: Mapped[int]
    text: Mapped[str]
    polygon: Mapped[list[Point]]
    confidence: Mapped[float | None]

    sample: Mapped[Sample] = relationship()


class Mask(Base):
    """Ground truth where the data set has it: which pixels show the defect."""

    __tablename__ = "mask"

    sample_id: Mapped[int] = to("sample", index=False, primary_key=True)
    width: Mapped[int]
    height: Mapped[int]
    content: Mapped[bytes] = mapped_column(deferred=True)

    sample: Mapped[Sample] = relationship()


class Evidence(Base):
    """Planted evidence: the entry or the region that tells a sample's class from its twin."""

    __tablename__ = "evidence"
    __table_args__ = (one_of("kind", EVIDENCE_KINDS),)

    id: Mapped[int] = mapped_column(primary_key=True)
    sample_id: Mapped[int] = to("sample")
    kind: Mapped[str]
    entry_position: Mapped[int | None]
    polygon: Mapped[list[Point]]

    sample: Mapped[Sample] = relationship()


class Segmentation(Base):
    """The superpixels of one sample, shared by all models."""

    __tablename__ = "segmentation"

    id: Mapped[int] = mapped_column(primary_key=True)
    sample_id: Mapped[int] = mapped_column(ForeignKey("sample.id", ondelete="CASCADE"), unique=True)
    settings_hash: Mapped[str]
    segments: Mapped[int]
    width: Mapped[int]
    height: Mapped[int]
    label_map: Mapped[bytes] = mapped_column(deferred=True)

    sample: Mapped[Sample] = relationship()


class Model(Base):
    """A trained or given model and how well it does."""

    __tablename__ = "model"

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = to("run")
    name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    position: Mapped[int]
    explained: Mapped[bool]
    settings: Mapped[dict[str, Any]]
    settings_hash: Mapped[str]
    checkpoint: Mapped[str | None]
    checkpoint_hash: Mapped[str]
    classes: Mapped[list[Any]]
    history: Mapped[list[Any]]
    accuracy: Mapped[float | None]
    top3_accuracy: Mapped[float | None]
    confusion: Mapped[list[Any] | None]


class Prediction(Base):
    """A model's prediction for an unmodified sample: a probability for each of the model's classes."""

    __tablename__ = "prediction"
    __table_args__ = (
        UniqueConstraint("model_id", "sample_id"),
        # answers "right or wrong, how sure" from the index alone, without the wide probabilities
        Index("ix_prediction_outcome", "model_id", "sample_id", "category_id", "probability"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    unit_id: Mapped[int] = to("work_unit")
    model_id: Mapped[int] = to("model", index=False)
    sample_id: Mapped[int] = to("sample")
    category_id: Mapped[int] = to("category")
    probability: Mapped[float]
    probabilities: Mapped[Vector]

    category: Mapped[Category] = relationship()


class Explanation(Base):
    """The local surrogate of one model for one class on one sample (P1 §3.1)."""

    __tablename__ = "explanation"
    __table_args__ = (
        UniqueConstraint("model_id", "sample_id", "category_id"),
        one_of("kind", TARGET_KINDS),
        # a model's modality histogram from the index alone, without the wide weights
        Index(
            "ix_explanation_modality",
            "model_id",
            "kind",
            "sample_id",
            "category_id",
            "image_share",
            "image_share_positive",
            "probability",
            "probability_without_text",
            "probability_without_image",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    unit_id: Mapped[int] = to("work_unit")
    model_id: Mapped[int] = to("model", index=False)
    sample_id: Mapped[int] = to("sample")
    segmentation_id: Mapped[int] = to("segmentation")
    category_id: Mapped[int] = to("category")
    kind: Mapped[str]
    probability: Mapped[float]
    surrogate_prediction: Mapped[float]
    intercept: Mapped[float]
    r2: Mapped[float]
    image_evaluations: Mapped[int]
    text_evaluations: Mapped[int]
    sampler: Mapped[str]
    fill: Mapped[str]
    seed: Mapped[int] = mapped_column(BigInteger)
    image_weights: Mapped[Vector]
    image_errors: Mapped[Vector | None]
    text_weights: Mapped[Vector]
    text_errors: Mapped[Vector | None]
    image_share: Mapped[float | None]
    image_share_positive: Mapped[float | None]
    probability_without_text: Mapped[float]
    probability_without_image: Mapped[float]

    model: Mapped[Model] = relationship()
    sample: Mapped[Sample] = relationship()
    category: Mapped[Category] = relationship()
    segmentation: Mapped[Segmentation] = relationship()


class GlobalGroup(Base):
    """Picture parts or words that a model relies on again and again in one class (P1 §3.2)."""

    __tablename__ = "global_group"
    __table_args__ = (
        one_of("modality", MODALITIES),
        # a page of the browser shows one model, class and modality
        Index("ix_global_group_page", "model_id", "category_id", "modality"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    unit_id: Mapped[int] = to("work_unit")
    model_id: Mapped[int] = to("model", index=False)
    category_id: Mapped[int] = to("category")
    modality: Mapped[str]
    rank: Mapped[int]
    name: Mapped[str]
    score: Mapped[float]
    samples: Mapped[int]
    spellings: Mapped[dict[str, Any]]
    concept: Mapped[int | None]
    centroid: Mapped[Vector | None]
    radius: Mapped[float | None]

    members: Mapped[list[GlobalMember]] = relationship(order_by="GlobalMember.weight.desc()", passive_deletes=True)


class GlobalMember(Base):
    """One superpixel or entry of one explanation, as a member of a group."""

    __tablename__ = "global_member"

    id: Mapped[int] = mapped_column(primary_key=True)
    group_id: Mapped[int] = to("global_group")
    explanation_id: Mapped[int] = to("explanation")
    sample_id: Mapped[int] = to("sample")
    feature: Mapped[int]
    weight: Mapped[float]
    representative: Mapped[bool]


class EmbeddingForecast(Base):
    """Which selected features a forest's forecast on an embedding rests on (P2)."""

    __tablename__ = "embedding_forecast"
    __table_args__ = (UniqueConstraint("model_id", "sample_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    unit_id: Mapped[int] = to("work_unit")
    model_id: Mapped[int] = to("model", index=False)
    sample_id: Mapped[int] = to("sample")
    category_id: Mapped[int] = to("category")
    features: Mapped[list[Any]]
    weights: Mapped[Vector]
    values: Mapped[Vector]
    boxes: Mapped[list[Any]]
    similarities: Mapped[list[Any]]


class ActivationMap(Base):
    """A small map of where an embedding's features, or a probability, come from, at its native resolution (P2)."""

    __tablename__ = "activation_map"
    __table_args__ = (
        one_of("target", MAP_TARGETS),
        one_of("strategy", STRATEGIES),
        one_of("variant", VARIANTS),
        UniqueConstraint(
            *("model_id", "sample_id", "target", "strategy", "variant", "stage", "top"), name="uq_activation_map_place"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    unit_id: Mapped[int] = to("work_unit")
    model_id: Mapped[int] = to("model", index=False)
    sample_id: Mapped[int] = to("sample")
    target: Mapped[str]
    strategy: Mapped[str]
    variant: Mapped[str]
    stage: Mapped[int]
    top: Mapped[int]
    maximum: Mapped[float]
    width: Mapped[int]
    height: Mapped[int]
    values: Mapped[Vector] = mapped_column(Float16Array)


class Evaluation(Base):
    """A measured figure: of a sample, a class, a model or the run, as far as the keys are set."""

    __tablename__ = "evaluation"
    __table_args__ = (Index("ix_evaluation_page", "kind", "model_id", "sample_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    unit_id: Mapped[int] = to("work_unit")
    kind: Mapped[str]
    model_id: Mapped[int | None] = to("model")
    sample_id: Mapped[int | None] = to("sample")
    category_id: Mapped[int | None] = to("category")
    modality: Mapped[str | None]
    figures: Mapped[dict[str, Any]]
