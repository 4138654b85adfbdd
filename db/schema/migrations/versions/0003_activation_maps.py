"""Activation maps get a page's index, half-precision values and the maximum they are scaled by; forecasts similarities.

Nothing wrote the two tables before, so they are made anew.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("activation_map")
    op.drop_table("embedding_forecast")
    op.create_table(
        "embedding_forecast",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("sample_id", sa.Integer(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("features", sa.JSON(), nullable=False),
        sa.Column("weights", sa.LargeBinary(), nullable=False),
        sa.Column("values", sa.LargeBinary(), nullable=False),
        sa.Column("boxes", sa.JSON(), nullable=False),
        sa.Column("similarities", sa.JSON(), nullable=False),
        *_owners("embedding_forecast", "category"),
        sa.UniqueConstraint("model_id", "sample_id", name=op.f("uq_embedding_forecast_model_id_sample_id")),
    )
    op.create_table(
        "activation_map",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("sample_id", sa.Integer(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("strategy", sa.String(), nullable=False),
        sa.Column("variant", sa.String(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("top", sa.Integer(), nullable=False),
        sa.Column("maximum", sa.Double(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("values", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("target IN ('forecast', 'class', 'predicted', 'true', 'runner_up')", name="target"),
        sa.CheckConstraint("strategy IN ('TZZ', 'TOZ', 'TRR', 'selected', 'image', 'probability')", name="strategy"),
        sa.CheckConstraint(
            "variant IN ('grad-cam', 'grad-cam++', 'xgrad-cam', 'hires-cam', 'layer-cam')", name="variant"
        ),
        *_owners("activation_map"),
        sa.UniqueConstraint(
            *("model_id", "sample_id", "target", "strategy", "variant", "stage", "top"), name="uq_activation_map_place"
        ),
    )
    for table, columns in (
        ("embedding_forecast", ("unit_id", "sample_id", "category_id")),
        ("activation_map", ("unit_id", "sample_id")),
    ):
        for column in columns:
            op.create_index(op.f(f"ix_{table}_{column}"), table, [column], unique=False)


def _owners(table: str, *more: str) -> list[sa.Constraint]:
    owners = (("unit_id", "work_unit"), ("model_id", "model"), ("sample_id", "sample"), *((f"{m}_id", m) for m in more))
    return [
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}_{target}"), ondelete="CASCADE"
            )
            for column, target in owners
        ),
    ]
