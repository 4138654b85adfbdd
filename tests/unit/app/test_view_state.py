"""The address."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.drawing.colours import COLOUR_MAPS
from app.view_state import (
    ABOUT,
    COMPARED,
    DEFAULT_THRESHOLD,
    FILTERS,
    LAYERS,
    SCOPES,
    SORTS,
    SPLITS,
    TABS,
    WITHIN,
    ViewState,
    read_state,
    write_state,
)

names = st.one_of(st.none(), st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=30))
shares = st.integers(0, 100).map(lambda percent: percent / 100)

pairs = st.tuples(st.integers(0, 99), st.integers(1, 100)).filter(lambda pair: pair[0] < pair[1])
ranges = st.one_of(st.none(), pairs.map(lambda pair: (pair[0] / 100, pair[1] / 100)))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # a busy machine
@given(
    st.builds(
        ViewState,
        db=names,
        model=names,
        label=names,
        sample=names,
        tab=st.sampled_from(TABS),
        threshold=shares,
        opacity=shares,
        signed=st.booleans(),
        against=st.booleans(),
        colours=st.sampled_from(COLOUR_MAPS),
        layer=st.sampled_from(LAYERS),
        shown=st.sampled_from(FILTERS),
        split=st.one_of(st.none(), st.sampled_from(SPLITS)),
        within=st.sampled_from(WITHIN),
        rival=names,
        share=ranges,
        sure=ranges,
        word=names,
        sort=st.sampled_from(SORTS),
        rank=names,
        scope=st.sampled_from(SCOPES),
        pair=names,
        open=names,
        focus=names,
        map=names,
        whatif=st.booleans(),
        off=names,
        only=st.one_of(st.none(), st.sampled_from(LAYERS)),
        compare=st.sampled_from(COMPARED),
        about=st.sampled_from(ABOUT),
    )
)
def test_reading_what_was_written_gives_the_same_state(state: ViewState) -> None:
    address = write_state(state)
    assert address[0] == "?"
    assert read_state(dict(parse_qsl(address[1:]))) == state


def test_defaults_are_left_out_of_the_address() -> None:
    assert write_state(ViewState(label="A & B", tab="sample")) == "?class=A+%26+B"
    assert write_state(ViewState()) == "?"


@pytest.mark.parametrize("query", [{}, {"model": "m"}, {"tab": "x"}])
def test_an_address_opens_on_the_overview(query: dict[str, str]) -> None:
    assert read_state(query).tab == "overview"


@pytest.mark.parametrize("name", ["class", "sample"])
def test_an_address_of_a_class_or_sample_opens_on_single_sample(name: str) -> None:
    assert read_state({name: "x"}).tab == "sample"
    assert read_state({name: "x", "tab": "overview"}).tab == "overview"


@pytest.mark.parametrize(
    ("text", "threshold"),
    [("0.35", 0.35), ("7", 1.0), ("-1", 0.0), ("nan", DEFAULT_THRESHOLD), ("x", DEFAULT_THRESHOLD), ("", 0.2)],
)
def test_threshold_is_held_in_its_range(text: str, threshold: float) -> None:
    assert read_state({"threshold": text}).threshold == threshold


def test_unknown_words_fall_back() -> None:
    state = read_state({"tab": "nope", "layer": "x", "shown": "y", "split": "z", "signed": "yes", "other": "1"})
    assert state == ViewState()


@pytest.mark.parametrize("text", ["", "0.2", "0.4-0.2", "0.3-0.3", "a-b", "-0.5", "0.1-", "nan-1", "2-1"])
def test_malformed_range_is_none(text: str) -> None:
    assert read_state({"share": text}).share is None


def test_range_is_held_in_0_to_1() -> None:
    assert read_state({"sure": "0.5-7"}).sure == (0.5, 1.0)
