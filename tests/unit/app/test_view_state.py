"""The address as the server reads it, and the table that the page receives."""

import dataclasses
import json
import re
from pathlib import Path

import pytest

from app.view_state import DEFAULT_THRESHOLD, PageState, ViewState, page_table, read_state

APP = Path(__file__).parents[3] / "app"


def test_unknown_words_fall_back() -> None:
    assert read_state({"tab": "nope", "shown": "y", "split": "z", "within": "", "other": "1"}) == ViewState()


def test_names_are_read_as_they_stand_and_empty_ones_are_not_there() -> None:
    state = read_state({"class": "A & B", "db": "", "q": "mjölk", "shown": "wrong", "within": "all"})
    assert state == ViewState(label="A & B", asked="mjölk", shown="wrong", within="all")


@pytest.mark.parametrize("text", ["", "0.2", "0.4-0.2", "0.3-0.3", "a-b", "-0.5", "0.1-", "nan-1", "2-1"])
def test_malformed_range_is_none(text: str) -> None:
    assert read_state({"share": text}).image_share is None


def test_range_is_held_in_0_to_1() -> None:
    assert read_state({"sure": "0.5-7"}).probability == (0.5, 1.0)


def test_the_page_receives_every_field_as_json_with_its_key_in_the_address() -> None:
    table = json.loads(json.dumps(page_table()))
    assert len(table) == len(dataclasses.fields(PageState))
    assert {"class", "q", "tab", "threshold"} <= table.keys()
    assert table["threshold"]["initial"] == DEFAULT_THRESHOLD
    assert table["shown"]["tab"] == "gallery" and table["shown"]["fragments"] == ["gallery"]


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(ViewState)])
def test_every_field_that_the_server_parses_is_read_by_it(name: str) -> None:
    files = [file for file in APP.rglob("*.py") if file.name != "view_state.py"]
    assert any(re.search(rf"\bstate\.{name}\b", file.read_text("utf-8")) for file in files)
