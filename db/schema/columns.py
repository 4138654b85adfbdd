"""Column types and the forms in which values are stored: float32 arrays, text and JSON that every engine takes."""

from __future__ import annotations

import numpy as np
from sqlalchemy import Dialect, LargeBinary, String, TypeDecorator

from db.values import Vector, storable


class Float32Array(TypeDecorator[Vector]):
    """A one-dimensional float32 array, stored as little-endian bytes."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Vector | None, dialect: Dialect) -> bytes | None:
        return None if value is None else np.ascontiguousarray(value, dtype="<f4").tobytes()

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Vector | None:
        return None if value is None else np.frombuffer(value, dtype="<f4")


class Float16Array(TypeDecorator[Vector]):
    """A one-dimensional array stored as little-endian half-precision numbers, 3 decimal digits; float32 in memory."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Vector | None, dialect: Dialect) -> bytes | None:
        return None if value is None else np.ascontiguousarray(value, dtype="<f2").tobytes()

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Vector | None:
        return None if value is None else np.frombuffer(value, dtype="<f2").astype(np.float32)


class Text(TypeDecorator[str]):
    """Unicode text of any length; what no engine can store is replaced."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable(value)
