"""Global groups get a place in the embedding and the concept that they share; evaluations are found by their kind."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("global_group", sa.Column("concept", sa.Integer(), nullable=True))
    op.add_column("global_group", sa.Column("centroid", sa.LargeBinary(), nullable=True))
    op.add_column("global_group", sa.Column("radius", sa.Double(), nullable=True))
    op.create_index("ix_evaluation_page", "evaluation", ["kind", "model_id", "sample_id"], unique=False)
