"""What all mappings share: how constraints are named, how Python types are stored, how foreign keys behave."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import JSON, CheckConstraint, ForeignKey, LargeBinary, MetaData
from sqlalchemy.orm import DeclarativeBase, mapped_column

from db.schema.columns import Float32Array, Text
from db.values import Point, Vector


class Base(DeclarativeBase):
    """Names every constraint, so that Alembic can alter it on any engine."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        dict[str, Any]: JSON(none_as_null=True),
        list[Any]: JSON(none_as_null=True),
        list[Point]: JSON(none_as_null=True),
        bytes: LargeBinary,
        str: Text,
        Vector: Float32Array,
    }


def one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    """A column that holds one of these words."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def to(target: str, *, index: bool = True, primary_key: bool = False) -> Any:
    """A foreign key whose row goes when the row that it points to goes."""
    return mapped_column(ForeignKey(f"{target}.id", ondelete="CASCADE"), index=index, primary_key=primary_key)
