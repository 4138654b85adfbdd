"""Schema versions by Alembic, without an alembic.ini: works from any folder and in a clone with a space in its path."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

FOLDER = Path(__file__).parent


def is_mapped(name: str | None) -> bool:
    """Whether the mappings speak of a table or index; full-text search is made by hand in the revisions."""
    return not (name or "").startswith(("ocr_entry_fts", "ix_ocr_entry_search"))


def configuration(connection: Connection | None = None) -> Config:
    """Alembic's settings; env.py takes the connection from their attributes."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def migrate(connection: Connection, revision: str = "head") -> None:
    """Bring the schema behind a connection to a revision, in the connection's transaction."""
    command.upgrade(configuration(connection), revision)


def newest() -> str | None:
    """The newest revision that this program knows."""
    return ScriptDirectory.from_config(configuration()).get_current_head()
