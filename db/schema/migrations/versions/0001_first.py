"""The first schema: all tables, full-text search on the OCR entries, and a view to look at with datasette."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlite_utils import Database

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

EXPLANATIONS = """
SELECT explanation.id, model.name AS model, sample.path AS sample, sample.split, own.label AS label,
  target.label AS target, explanation.kind, explanation.probability, explanation.surrogate_prediction,
  explanation.r2, explanation.image_share, explanation.probability_without_text,
  explanation.probability_without_image
FROM explanation
JOIN model ON model.id = explanation.model_id
JOIN sample ON sample.id = explanation.sample_id
JOIN category AS own ON own.id = sample.category_id
JOIN category AS target ON target.id = explanation.category_id
"""


def upgrade() -> None:
    _create_tables()
    if op.get_bind().dialect.name == "sqlite":
        database = Database(op.get_bind().connection.driver_connection)
        database["ocr_entry"].enable_fts(["text"], create_triggers=True, tokenize="unicode61 remove_diacritics 2")
        database.create_view("explanations", EXPLANATIONS)
    else:
        op.execute("CREATE INDEX ix_ocr_entry_search ON ocr_entry USING gin (to_tsvector('simple', text))")


def _create_tables() -> None:
    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("settings", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("settings_hash", sa.String(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("versions", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("artifacts", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sa.UniqueConstraint("settings_hash", name=op.f("uq_run_settings_hash")),
    )
    op.create_table(
        "category",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("display_name", sa.String(), nullable=True),
        sa.Column("family", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_category_run_id_run"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_category")),
        sa.UniqueConstraint("label", name=op.f("uq_category_label")),
    )
    op.create_index(op.f("ix_category_run_id"), "category", ["run_id"], unique=False)
    op.create_table(
        "model",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("explained", sa.Boolean(), nullable=False),
        sa.Column("settings", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("settings_hash", sa.String(), nullable=False),
        sa.Column("checkpoint", sa.String(), nullable=True),
        sa.Column("checkpoint_hash", sa.String(), nullable=False),
        sa.Column("classes", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("history", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("accuracy", sa.Double(), nullable=True),
        sa.Column("top3_accuracy", sa.Double(), nullable=True),
        sa.Column("confusion", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_model_run_id_run"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model")),
        sa.UniqueConstraint("name", name=op.f("uq_model_name")),
    )
    op.create_index(op.f("ix_model_run_id"), "model", ["run_id"], unique=False)
    op.create_table(
        "sample",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("split", sa.String(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("picture_hash", sa.String(), nullable=False),
        sa.Column("entries_hash", sa.String(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.CheckConstraint("split IN ('train', 'test')", name=op.f("ck_sample_split")),
        sa.ForeignKeyConstraint(
            ["category_id"], ["category.id"], name=op.f("fk_sample_category_id_category"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_sample_run_id_run"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sample")),
        sa.UniqueConstraint("path", name=op.f("uq_sample_path")),
    )
    op.create_index("ix_sample_class", "sample", ["category_id", "split", "path"], unique=False)
    op.create_index(op.f("ix_sample_run_id"), "sample", ["run_id"], unique=False)
    op.create_table(
        "evidence",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sample_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("entry_position", sa.Integer(), nullable=True),
        sa.Column("polygon", sa.JSON(none_as_null=True), nullable=False),
        sa.CheckConstraint("kind IN ('entry', 'region')", name=op.f("ck_evidence_kind")),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["sample.id"], name=op.f("fk_evidence_sample_id_sample"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
    )
    op.create_index(op.f("ix_evidence_sample_id"), "evidence", ["sample_id"], unique=False)
    op.create_table(
        "mask",
        sa.Column("sample_id", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["sample.id"], name=op.f("fk_mask_sample_id_sample"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sample_id", name=op.f("pk_mask")),
    )
    op.create_table(
        "ocr_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sample_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("polygon", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["sample.id"], name=op.f("fk_ocr_entry_sample_id_sample"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ocr_entry")),
        sa.UniqueConstraint("sample_id", "position", name=op.f("uq_ocr_entry_sample_id_position")),
    )
    op.create_index(op.f("ix_ocr_entry_sample_id"), "ocr_entry", ["sample_id"], unique=False)
    op.create_table(
        "picture",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("sample_id", sa.Integer(), nullable=True),
        sa.Column("category_id", sa.Integer(), nullable=True),
        sa.Column("split", sa.String(), nullable=True),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("layout", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("kind IN ('thumbnail', 'display', 'sprite')", name=op.f("ck_picture_kind")),
        sa.CheckConstraint("(sample_id IS NULL) <> (category_id IS NULL)", name=op.f("ck_picture_owner")),
        sa.ForeignKeyConstraint(
            ["category_id"], ["category.id"], name=op.f("fk_picture_category_id_category"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["sample.id"], name=op.f("fk_picture_sample_id_sample"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_picture")),
        sa.UniqueConstraint("category_id", "split", name=op.f("uq_picture_category_id_split")),
        sa.UniqueConstraint("sample_id", "kind", name=op.f("uq_picture_sample_id_kind")),
    )
    op.create_index(op.f("ix_picture_category_id"), "picture", ["category_id"], unique=False)
    op.create_index(op.f("ix_picture_sample_id"), "picture", ["sample_id"], unique=False)
    op.create_table(
        "segmentation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sample_id", sa.Integer(), nullable=False),
        sa.Column("settings_hash", sa.String(), nullable=False),
        sa.Column("segments", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("label_map", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["sample.id"], name=op.f("fk_segmentation_sample_id_sample"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segmentation")),
        sa.UniqueConstraint("sample_id", name=op.f("uq_segmentation_sample_id")),
    )
    op.create_table(
        "work_unit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("settings_hash", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=True),
        sa.Column("sample_id", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("status IN ('done', 'failed')", name=op.f("ck_work_unit_status")),
        sa.ForeignKeyConstraint(
            ["model_id"], ["model.id"], name=op.f("fk_work_unit_model_id_model"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_work_unit_run_id_run"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["sample.id"], name=op.f("fk_work_unit_sample_id_sample"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_unit")),
        sa.UniqueConstraint("stage", "settings_hash", "key", name=op.f("uq_work_unit_stage_settings_hash_key")),
    )
    op.create_index(op.f("ix_work_unit_model_id"), "work_unit", ["model_id"], unique=False)
    op.create_index(op.f("ix_work_unit_run_id"), "work_unit", ["run_id"], unique=False)
    op.create_index(op.f("ix_work_unit_sample_id"), "work_unit", ["sample_id"], unique=False)
    op.create_table(
        "activation_map",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("sample_id", sa.Integer(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("strategy", sa.String(), nullable=False),
        sa.Column("variant", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("top", sa.Integer(), nullable=False),
        sa.Column("similarity", sa.Double(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("values", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"], ["model.id"], name=op.f("fk_activation_map_model_id_model"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["sample.id"], name=op.f("fk_activation_map_sample_id_sample"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["work_unit.id"], name=op.f("fk_activation_map_unit_id_work_unit"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activation_map")),
    )
    op.create_index(op.f("ix_activation_map_model_id"), "activation_map", ["model_id"], unique=False)
    op.create_index(op.f("ix_activation_map_sample_id"), "activation_map", ["sample_id"], unique=False)
    op.create_index(op.f("ix_activation_map_unit_id"), "activation_map", ["unit_id"], unique=False)
    op.create_table(
        "embedding_forecast",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("sample_id", sa.Integer(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("probabilities", sa.LargeBinary(), nullable=False),
        sa.Column("features", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("weights", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["category_id"],
            ["category.id"],
            name=op.f("fk_embedding_forecast_category_id_category"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["model_id"], ["model.id"], name=op.f("fk_embedding_forecast_model_id_model"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["sample.id"], name=op.f("fk_embedding_forecast_sample_id_sample"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["work_unit.id"], name=op.f("fk_embedding_forecast_unit_id_work_unit"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_embedding_forecast")),
        sa.UniqueConstraint("model_id", "sample_id", name=op.f("uq_embedding_forecast_model_id_sample_id")),
    )
    op.create_index(op.f("ix_embedding_forecast_category_id"), "embedding_forecast", ["category_id"], unique=False)
    op.create_index(op.f("ix_embedding_forecast_sample_id"), "embedding_forecast", ["sample_id"], unique=False)
    op.create_index(op.f("ix_embedding_forecast_unit_id"), "embedding_forecast", ["unit_id"], unique=False)
    op.create_table(
        "evaluation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=True),
        sa.Column("sample_id", sa.Integer(), nullable=True),
        sa.Column("category_id", sa.Integer(), nullable=True),
        sa.Column("modality", sa.String(), nullable=True),
        sa.Column("figures", sa.JSON(none_as_null=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["category_id"], ["category.id"], name=op.f("fk_evaluation_category_id_category"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["model_id"], ["model.id"], name=op.f("fk_evaluation_model_id_model"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["sample.id"], name=op.f("fk_evaluation_sample_id_sample"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["work_unit.id"], name=op.f("fk_evaluation_unit_id_work_unit"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation")),
    )
    op.create_index(op.f("ix_evaluation_category_id"), "evaluation", ["category_id"], unique=False)
    op.create_index(op.f("ix_evaluation_model_id"), "evaluation", ["model_id"], unique=False)
    op.create_index(op.f("ix_evaluation_sample_id"), "evaluation", ["sample_id"], unique=False)
    op.create_index(op.f("ix_evaluation_unit_id"), "evaluation", ["unit_id"], unique=False)
    op.create_table(
        "explanation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("sample_id", sa.Integer(), nullable=False),
        sa.Column("segmentation_id", sa.Integer(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("surrogate_prediction", sa.Double(), nullable=False),
        sa.Column("intercept", sa.Double(), nullable=False),
        sa.Column("r2", sa.Double(), nullable=False),
        sa.Column("image_evaluations", sa.Integer(), nullable=False),
        sa.Column("text_evaluations", sa.Integer(), nullable=False),
        sa.Column("sampler", sa.String(), nullable=False),
        sa.Column("fill", sa.String(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("image_weights", sa.LargeBinary(), nullable=False),
        sa.Column("image_errors", sa.LargeBinary(), nullable=True),
        sa.Column("text_weights", sa.LargeBinary(), nullable=False),
        sa.Column("text_errors", sa.LargeBinary(), nullable=True),
        sa.Column("image_share", sa.Double(), nullable=True),
        sa.Column("image_share_positive", sa.Double(), nullable=True),
        sa.Column("probability_without_text", sa.Double(), nullable=False),
        sa.Column("probability_without_image", sa.Double(), nullable=False),
        sa.CheckConstraint("kind IN ('predicted', 'true', 'runner_up')", name=op.f("ck_explanation_kind")),
        sa.ForeignKeyConstraint(
            ["category_id"], ["category.id"], name=op.f("fk_explanation_category_id_category"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["model_id"], ["model.id"], name=op.f("fk_explanation_model_id_model"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["sample.id"], name=op.f("fk_explanation_sample_id_sample"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["segmentation_id"],
            ["segmentation.id"],
            name=op.f("fk_explanation_segmentation_id_segmentation"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["work_unit.id"], name=op.f("fk_explanation_unit_id_work_unit"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_explanation")),
        sa.UniqueConstraint(
            "model_id", "sample_id", "category_id", name=op.f("uq_explanation_model_id_sample_id_category_id")
        ),
    )
    op.create_index(op.f("ix_explanation_category_id"), "explanation", ["category_id"], unique=False)
    op.create_index(
        "ix_explanation_modality",
        "explanation",
        [
            "model_id",
            "kind",
            "sample_id",
            "category_id",
            "image_share",
            "image_share_positive",
            "probability",
            "probability_without_text",
            "probability_without_image",
        ],
        unique=False,
    )
    op.create_index(op.f("ix_explanation_sample_id"), "explanation", ["sample_id"], unique=False)
    op.create_index(op.f("ix_explanation_segmentation_id"), "explanation", ["segmentation_id"], unique=False)
    op.create_index(op.f("ix_explanation_unit_id"), "explanation", ["unit_id"], unique=False)
    op.create_table(
        "global_group",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("modality", sa.String(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("spellings", sa.JSON(none_as_null=True), nullable=False),
        sa.CheckConstraint("modality IN ('image', 'text')", name=op.f("ck_global_group_modality")),
        sa.ForeignKeyConstraint(
            ["category_id"], ["category.id"], name=op.f("fk_global_group_category_id_category"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["model_id"], ["model.id"], name=op.f("fk_global_group_model_id_model"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["work_unit.id"], name=op.f("fk_global_group_unit_id_work_unit"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_global_group")),
    )
    op.create_index(op.f("ix_global_group_category_id"), "global_group", ["category_id"], unique=False)
    op.create_index("ix_global_group_page", "global_group", ["model_id", "category_id", "modality"], unique=False)
    op.create_index(op.f("ix_global_group_unit_id"), "global_group", ["unit_id"], unique=False)
    op.create_table(
        "prediction",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("sample_id", sa.Integer(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("probabilities", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["category_id"], ["category.id"], name=op.f("fk_prediction_category_id_category"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["model_id"], ["model.id"], name=op.f("fk_prediction_model_id_model"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["sample.id"], name=op.f("fk_prediction_sample_id_sample"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["work_unit.id"], name=op.f("fk_prediction_unit_id_work_unit"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prediction")),
        sa.UniqueConstraint("model_id", "sample_id", name=op.f("uq_prediction_model_id_sample_id")),
    )
    op.create_index(op.f("ix_prediction_category_id"), "prediction", ["category_id"], unique=False)
    op.create_index(
        "ix_prediction_outcome", "prediction", ["model_id", "sample_id", "category_id", "probability"], unique=False
    )
    op.create_index(op.f("ix_prediction_sample_id"), "prediction", ["sample_id"], unique=False)
    op.create_index(op.f("ix_prediction_unit_id"), "prediction", ["unit_id"], unique=False)
    op.create_table(
        "problem",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=True),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("sample", sa.String(), nullable=True),
        sa.Column("message", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_problem_run_id_run"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["work_unit.id"], name=op.f("fk_problem_unit_id_work_unit"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_problem")),
    )
    op.create_index(op.f("ix_problem_run_id"), "problem", ["run_id"], unique=False)
    op.create_index(op.f("ix_problem_unit_id"), "problem", ["unit_id"], unique=False)
    op.create_table(
        "global_member",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("explanation_id", sa.Integer(), nullable=False),
        sa.Column("sample_id", sa.Integer(), nullable=False),
        sa.Column("feature", sa.Integer(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("representative", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["explanation_id"],
            ["explanation.id"],
            name=op.f("fk_global_member_explanation_id_explanation"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["global_group.id"], name=op.f("fk_global_member_group_id_global_group"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["sample.id"], name=op.f("fk_global_member_sample_id_sample"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_global_member")),
    )
    op.create_index(op.f("ix_global_member_explanation_id"), "global_member", ["explanation_id"], unique=False)
    op.create_index(op.f("ix_global_member_group_id"), "global_member", ["group_id"], unique=False)
    op.create_index(op.f("ix_global_member_sample_id"), "global_member", ["sample_id"], unique=False)
