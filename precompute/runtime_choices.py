"""How towers compute, as measured once: kept beside the checkpoints for workers, and in the database for good.

Rounding differs between runtimes and precisions, so results of one database must come from the same ones: what the
database knows wins over the file, which may be gone, damaged or another machine's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from db.read.reader import Reader
from db.session import Engine
from precompute.context import RunContext

Choices = Mapping[str, str]
"""By processor, kind of tower and settings the runtime and precision, e.g. `openvino bfloat16`."""

RUNTIMES = "runtimes.json"
"""Name of the file in the artifacts folder."""
SETTING = "runtimes"
"""Key in the settings of a stored run."""


def stored_choices(engine: Engine) -> dict[str, str]:
    """What the database's results were computed with; the first choice stands."""
    found: dict[str, str] = {}
    for run in sorted(Reader(engine).runs.all(), key=lambda run: run.id):
        found = dict(run.settings.get(SETTING, {})) | found
    return found


def read_choices(file: Path) -> dict[str, str] | None:
    """What a file holds, nothing where there is none; None where it is not what was written."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError):  # not UTF-8 is a ValueError, too
        return None
    if not isinstance(found, dict) or not all(isinstance(word, str) for word in found.values()):
        return None
    return found


def write_choices(file: Path, choices: Choices) -> None:
    """Replace the file as a whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(choices, indent=1), encoding="utf-8")
    temporary.replace(file)


def restore_choices(file: Path, choices: Choices) -> None:
    """Let the file say what the database knows."""
    kept = read_choices(file) or {}
    if any(kept.get(key) != word for key, word in choices.items()):
        write_choices(file, {**kept, **choices})


def note_choices(context: RunContext) -> None:
    """Let the database know what the file says and it does not know yet."""
    known = stored_choices(context.engine)
    fresh = {
        key: word
        for key, word in (read_choices(context.options.artifacts / RUNTIMES) or {}).items()
        if key not in known
    }
    if fresh:
        context.writer.add_settings({SETTING: known | fresh})
