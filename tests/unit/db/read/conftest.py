"""A reader of the example database, on each engine."""

from __future__ import annotations

import pytest

from db import session
from db.read.reader import Reader


@pytest.fixture(scope="module")
def reader(example_url: str) -> Reader:
    return Reader(session.open_read_only(example_url))
