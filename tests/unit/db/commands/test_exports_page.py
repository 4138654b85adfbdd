"""docs/exports.md and the exports have the same kinds and fields, of the same types, in the same order."""

from __future__ import annotations

import re

import pytest

from db.commands.export import EXPORTS
from tests.conftest import PROJECT

PAGE = (PROJECT / "docs" / "exports.md").read_text(encoding="utf-8")
SECTIONS = dict(section.split("\n", 1) for section in PAGE.split("\n## ")[1:])


def test_the_page_has_a_section_for_each_kind() -> None:
    assert list(SECTIONS) == list(EXPORTS)


@pytest.mark.parametrize("kind", EXPORTS)
def test_every_field_has_its_row_and_type_in_order(kind: str) -> None:
    rows = re.findall(r"^\| (\w+) \| (\w+) \| .*\|$", SECTIONS[kind], re.MULTILINE)
    assert rows[1 if rows[0][0] == "field" else 0 :] == list(EXPORTS[kind].fields.items())


def test_every_type_is_explained() -> None:
    used = {kind for export in EXPORTS.values() for kind in export.fields.values()}
    assert used <= set(re.findall(r"^\| (\w+) \|", PAGE.split("\n## ")[0], re.MULTILINE))
