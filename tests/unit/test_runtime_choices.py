"""What the database was computed with stays, whatever becomes of the file beside the checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest

from db import session
from precompute.runtime_choices import (
    RUNTIMES,
    note_choices,
    read_choices,
    restore_choices,
    stored_choices,
    write_choices,
)
from tests.run_context import open_context

CHOICES = {"a processor | tower": "openvino bfloat16"}


@pytest.mark.parametrize(
    "content",
    [None, b"", b"\xff\xfe", b"[1]", b'{"a processor | tower": 3}', b'{"a processor | tower": "torch float32"}'],
)
def test_the_database_wins_over_a_file_that_is_gone_damaged_or_another(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / RUNTIMES).write_bytes(content)
    restore_choices(tmp_path / RUNTIMES, CHOICES)
    assert read_choices(tmp_path / RUNTIMES) == CHOICES


def test_the_first_choice_stands_and_new_ones_are_added(tmp_path: Path) -> None:
    engine = session.create(f"sqlite:///{tmp_path}/choices.db")
    context = open_context(engine, tmp_path, artifacts=tmp_path)
    assert stored_choices(engine) == {}
    write_choices(tmp_path / RUNTIMES, CHOICES)
    note_choices(context)
    write_choices(tmp_path / RUNTIMES, {**dict.fromkeys(CHOICES, "torch float32"), "other": "torch float32"})
    note_choices(context)
    assert stored_choices(engine) == {**CHOICES, "other": "torch float32"}
