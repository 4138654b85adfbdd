"""The command `shelf-lens`: `python -m app`, `python -m db` and `python -m precompute` in one, from any folder."""

from __future__ import annotations

import runpy
import sys

from db import __version__

USAGE = """\
shelf-lens app ...    the browser (python -m app)
shelf-lens db ...     what a database holds, checks, exports (python -m db)
shelf-lens COMMAND    the offline job (python -m precompute):
"""


def main() -> None:
    """Run the package that the first word names, as `python -m` does: worker processes then start alike, too."""
    words = sys.argv[1:]
    if words == ["--version"]:
        print(f"shelf-lens {__version__}")
        return
    if words in ([], ["--help"]):
        print(USAGE, flush=True)
    package = words.pop(0) if words[:1] in (["app"], ["db"]) else "precompute"
    sys.argv[1:] = words
    runpy.run_module(package, run_name="__main__", alter_sys=True)
