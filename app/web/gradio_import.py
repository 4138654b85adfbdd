"""Imports Gradio without its telemetry, and without the stub files that it writes: nearly half of the server's start.

Whenever Gradio is imported it parses the source of each of its components, and the `.pyi` file beside it, to write that
file anew. It leaves out a class that has no source file; so while it is imported, its classes seem to have none.
To be imported before anything that imports gradio.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported


def _hiding(find: Callable[[Any], str]) -> Callable[[Any], str]:
    def getfile(thing: Any) -> str:
        if isinstance(thing, type) and thing.__module__.startswith("gradio."):
            raise OSError("not asked for")
        return find(thing)

    return getfile


_getfile = inspect.getfile
inspect.getfile = _hiding(_getfile)  # type: ignore[assignment]
try:
    import gradio  # noqa: F401
finally:
    inspect.getfile = _getfile
