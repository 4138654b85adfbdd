"""One writer at a time (`lease`); done marks are believed only while all their rows are there (`records`), and say
apart which settings they were made with (`settings`, null in older ones).

Older marks are counted once. An older version kept the mark of a `predict` unit when samples had been removed and
came back, so that their predictions would never be computed: such marks, and others without a row, are removed.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COUNT = """
WITH written AS (
  SELECT unit_id FROM prediction
  UNION ALL SELECT unit_id FROM explanation
  UNION ALL SELECT unit_id FROM global_group
  UNION ALL SELECT unit_id FROM embedding_forecast
  UNION ALL SELECT unit_id FROM activation_map
  UNION ALL SELECT unit_id FROM evaluation
), counted AS (
  SELECT unit_id, count(*) AS records FROM written GROUP BY unit_id
), units AS (
  SELECT work_unit.id, coalesce(counted.records, 0) AS records
  FROM work_unit LEFT JOIN counted ON counted.unit_id = work_unit.id
  WHERE work_unit.status = 'done' AND (
    work_unit.stage LIKE 'evaluate-%' OR work_unit.stage IN (
      'predict', 'explain-local', 'explain-global', 'rank-global', 'activation', 'activation-classes'
    )
  )
)
UPDATE work_unit SET records = units.records FROM units WHERE units.id = work_unit.id
"""
FORGET_WITHOUT_ROWS = """
DELETE FROM work_unit
WHERE status = 'done' AND records = 0 AND stage IN ('predict', 'explain-local', 'activation')
"""
FORGET_INCOMPLETE_PREDICTIONS = """
WITH part AS (
  SELECT sample.split, category.label, count(*) AS samples
  FROM sample JOIN category ON category.id = sample.category_id
  GROUP BY sample.split, category.label
)
DELETE FROM work_unit
WHERE stage = 'predict' AND status = 'done' AND (coalesce(model_id, 0), key, records) NOT IN (
  SELECT model.id, model.name || '|' || part.split || '/' || part.label, part.samples FROM model CROSS JOIN part
)
"""
SUPERPIXELS = """
UPDATE work_unit SET stage = 'evaluate-superpixels', key = substr(key, 1, length(key) - 5)
WHERE stage = 'evaluate-localisation' AND key LIKE '%|lime'
"""


def upgrade() -> None:
    op.create_table(
        "lease",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("process", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("command", sa.String(), nullable=False),
        sa.Column("acquired_at", sa.DateTime(), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_lease_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lease")),
    )
    op.add_column("work_unit", sa.Column("records", sa.Integer(), nullable=True))
    op.add_column("work_unit", sa.Column("settings", sa.String(), nullable=True))
    op.execute(SUPERPIXELS)
    for statement in (COUNT, FORGET_WITHOUT_ROWS, FORGET_INCOMPLETE_PREDICTIONS):
        op.execute(statement)
