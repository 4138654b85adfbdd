"""What values are in memory, and the forms that every database engine and strict JSON take."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float32]
Point = tuple[float, float]

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


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
