"""The sentence under the verdict."""

import numpy as np

from app.wording import Basis, basis, sureness


def said(image: list[float], text: list[float], texts: list[str]) -> Basis:
    return basis(np.array(image, np.float32), np.array(text, np.float32), texts)


def sentence(made: Basis) -> str:
    return made.lead + " and ".join(made.words) + made.rest


def test_words_first_where_they_carry_most_evidence() -> None:
    assert sentence(said([0.1], [0.6, 0.3, -0.9], ["LAKTOSFRI", "ARLA", "1 l"])) == (
        "It rested mostly on the words LAKTOSFRI and ARLA, less on the picture."
    )


def test_picture_first_where_it_carries_most_evidence() -> None:
    assert sentence(said([0.5, 0.4], [0.2], ["MJÖLK"])) == "It rested mostly on the picture, less on the word MJÖLK."


def test_the_same_word_twice_is_named_once() -> None:
    assert said([0.0], [0.5, 0.5], ["MJÖLK", "MJÖLK"]).words == ("MJÖLK",)


def test_no_text_is_said_to_be_none() -> None:
    assert "no text was read" in sentence(said([0.5], [], []))


def test_no_positive_weight_is_said_in_words() -> None:
    assert "Nothing on this pack speaks for this class" in sentence(said([-0.5, 0.0], [-0.1], ["A"]))


def test_sureness_grows_with_the_probability() -> None:
    assert len({sureness(probability) for probability in (0.3, 0.6, 0.9, 0.99)}) == 4


def test_a_word_far_behind_the_strongest_is_not_named() -> None:
    found = basis(np.zeros(3), np.array([0.665, 0.082]), ["LAKTOSFRI", "16,90"])
    assert found.words == ("LAKTOSFRI",)
