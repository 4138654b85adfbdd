"""Run by Alembic: migrates over the connection that db.schema.migrations hands in."""

from __future__ import annotations

from alembic import context

from db.schema.base import Base
from db.schema.migrations import is_mapped

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    include_object=lambda item, name, *reflected: is_mapped(name),
    render_as_batch=True,  # SQLite cannot alter a table in place
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
