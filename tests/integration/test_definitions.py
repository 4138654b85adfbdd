"""docs/definitions.md holds every definition that the code points to, and docs/glossary.md only names that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEADINGS = set(re.findall(r"^## (.+)$", (ROOT / "docs/definitions.md").read_text(encoding="utf-8"), re.MULTILINE))
POINTER = re.compile(r"docs/definitions\.md, ([A-Z][^).;:\n]*)")
SOURCES = sorted(file for folder in ("app", "db", "precompute", "tests") for file in (ROOT / folder).rglob("*.py"))


def test_every_pointer_to_a_definition_names_a_heading() -> None:
    """A pointer is `docs/definitions.md, Heading` or several headings after it, parted by commas."""
    pointers = {
        heading: file.relative_to(ROOT)
        for file in SOURCES
        if file != Path(__file__)
        for pointer in POINTER.findall(file.read_text(encoding="utf-8"))
        for heading in pointer.split(", ")
    }
    assert len(pointers) > 10
    assert {heading: file for heading, file in pointers.items() if heading not in HEADINGS} == {}


def test_no_definition_stands_outside_the_repository() -> None:
    pages = [*SOURCES, *ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "db/README.md"]
    told = "REFERENCE" + ".md"
    assert [page.relative_to(ROOT) for page in pages if told in page.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)\)", (ROOT / "docs/definitions.md").read_text()))
def test_links_of_the_definitions_lead_somewhere(link: str) -> None:
    assert (ROOT / "docs" / link).exists()


@pytest.mark.parametrize(
    "name", re.findall(r"`((?:app|db|precompute)\.[\w.]+)`", (ROOT / "docs/glossary.md").read_text())
)
def test_what_the_glossary_names_in_code_exists(name: str) -> None:
    """`package.module` or `package.module.name`, read from the source so that no model library is loaded."""
    if (ROOT / name.replace(".", "/")).with_suffix(".py").exists():
        return
    module, _, defined = name.rpartition(".")
    source = (ROOT / module.replace(".", "/")).with_suffix(".py").read_text(encoding="utf-8")
    assert defined in {getattr(node, "name", None) for node in ast.parse(source).body}
