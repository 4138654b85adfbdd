"""The address."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.state import DEFAULT_THRESHOLD, FILTERS, LAYERS, SCOPES, SPLITS, TABS, ViewState, read_state, write_state

names = st.one_of(st.none(), st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=30))
shares = st.integers(0, 100).map(lambda percent: percent / 100)


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
        layer=st.sampled_from(LAYERS),
        shown=st.sampled_from(FILTERS),
        split=st.one_of(st.none(), st.sampled_from(SPLITS)),
        scope=st.sampled_from(SCOPES),
        pair=names,
        open=names,
        focus=names,
        map=names,
    )
)
def test_reading_what_was_written_gives_the_same_state(state: ViewState) -> None:
    address = write_state(state)
    assert address[0] == "?"
    assert read_state(dict(parse_qsl(address[1:]))) == state


def test_defaults_are_left_out_of_the_address() -> None:
    assert write_state(ViewState(label="A & B")) == "?class=A+%26+B"


@pytest.mark.parametrize(
    ("text", "threshold"),
    [("0.35", 0.35), ("7", 1.0), ("-1", 0.0), ("nan", DEFAULT_THRESHOLD), ("x", DEFAULT_THRESHOLD), ("", 0.2)],
)
def test_threshold_is_held_in_its_range(text: str, threshold: float) -> None:
    assert read_state({"threshold": text}).threshold == threshold


def test_unknown_words_fall_back() -> None:
    state = read_state({"tab": "nope", "layer": "x", "shown": "y", "split": "z", "signed": "yes", "other": "1"})
    assert state == ViewState()
