"""Column types and the forms in which values are stored: float32 arrays, text and JSON that every engine takes."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Dialect, LargeBinary, String, TypeDecorator

Vector = npt.NDArray[np.float32]
Point = tuple[float, float]

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


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


def storable(text: str) -> str:
    """Text that every engine takes: surrogate pairs are joined, NUL characters and lone surrogates become U+FFFD."""
    if not _UNSTORABLE.search(text):
        return text
    return text.replace("\0", "\ufffd").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def plain(value: Any) -> Any:
    """A JSON value without what JSON has no word for: NaN and infinities become None, text storable."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {plain(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def json_text(value: Any) -> str:
    """Strict JSON of a value, see `plain`."""
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False)
