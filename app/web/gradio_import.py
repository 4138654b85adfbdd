"""Imports Gradio without its telemetry and stub files; to be imported before anything of Gradio.

What it buys: 1.8 s of processor time for the import instead of 2.9 s, a good part of the server's start. Whenever
Gradio is imported, it parses the source of each of its components, and the `.pyi` file beside it, to write that file
anew; there is no switch for it.
Gradio internals: `gradio.component_meta.create_or_modify_pyi` leaves out a class for which `inspect.getfile` raises
OSError, so while Gradio is imported its classes seem to have no source file.
Fails when they change: tests/unit/test_architecture.py, test_the_server_starts_without_reading_or_...
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
