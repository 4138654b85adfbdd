"""db/README.md and the mappings say the same, in both directions."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import Column

from db import session
from db.schema.base import Base
from tests.conftest import PROJECT

README = (PROJECT / "db" / "README.md").read_text(encoding="utf-8")
TYPES = {
    "INTEGER": "integer",
    "BIGINT": "big integer",
    "VARCHAR": "text",
    "FLOAT": "float",
    "DOUBLE": "float",
    "BOOLEAN": "boolean",
    "JSON": "json",
    "DATETIME": "time",
    "BLOB": "blob",
}


def _specified() -> dict[str, dict[str, str]]:
    """Table -> column -> type, as written."""
    tables = {}
    for section in README.split("\n## ")[1:]:
        name, _, body = section.partition("\n")
        rows = re.findall(r"^\| (\w+) \| ([^|]+?) \|", body, re.MULTILINE)
        tables[name.strip()] = {column: kind for column, kind in rows if column != "column"}
    return tables


def _mapped_type(column: Column[object]) -> str:
    arrays = {"Float32Array": "float32[n]", "Float16Array": "float16[n]"}
    kind = arrays.get(type(column.type).__name__) or TYPES[str(column.type)]
    return kind + ("?" if column.nullable else "")


def test_the_tables_are_the_same() -> None:
    assert set(_specified()) == set(Base.metadata.tables)


@pytest.mark.parametrize("name", Base.metadata.tables)
def test_the_columns_and_their_types_are_the_same_in_the_same_order(name: str) -> None:
    mapped = [(column.name, _mapped_type(column)) for column in Base.metadata.tables[name].columns]
    assert list(_specified()[name].items()) == mapped


@pytest.mark.parametrize("name", Base.metadata.tables)
def test_a_foreign_key_names_its_table(name: str) -> None:
    section = README.split(f"\n## {name}\n")[1].split("\n## ")[0]
    for column in Base.metadata.tables[name].columns:
        for key in column.foreign_keys:
            assert re.search(rf"^\| {column.name} \| [^|]+ \| .*\b{key.column.table.name}\b", section, re.MULTILINE)


@pytest.mark.parametrize("name", Base.metadata.tables)
def test_the_values_of_a_checked_column_are_written_down(name: str) -> None:
    section = README.split(f"\n## {name}\n")[1].split("\n## ")[0]
    for constraint in Base.metadata.tables[name].constraints:
        for value in re.findall(r"'(\w+)'", str(getattr(constraint, "sqltext", ""))):
            assert f"`{value}`" in section


def test_the_version_is_the_newest() -> None:
    assert f"now {session.SCHEMA_VERSION}." in README
