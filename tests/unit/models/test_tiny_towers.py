"""The tokenizer learned from the training texts."""

from precompute.models.tiny_towers import train_tokenizer

TEXTS = ["LAKTOSFRI MJÖLK 1,5%", "MJÖLK 3% 500g", "LAKTOSFRI YOGHURT", "HAVREDRYCK 1 liter"] * 10


def pieces(text: str) -> list[str]:
    return train_tokenizer(TEXTS).encode(text).tokens[1:-1]


def test_case_and_accents_do_not_matter() -> None:
    assert pieces("MJÖLK") == pieces("mjolk")


def test_a_frequent_word_is_fewer_pieces_than_letters_and_no_piece_is_a_whole_word() -> None:
    assert len(pieces("LAKTOSFRI")) < len("LAKTOSFRI")
    assert all(len(piece) <= 3 for piece in pieces("LAKTOSFRI"))


def test_a_misread_word_shares_pieces_with_the_right_one() -> None:
    right, misread = set(pieces("LAKTOSFRI")), set(pieces("LAKT0SFRI"))
    assert right & misread


def test_digits_are_pieces_of_their_own_so_that_weights_differ_in_little_but_surely() -> None:
    assert pieces("500g") != pieces("300g")
    assert pieces("1,5%") != pieces("0,5%")


def test_unseen_letters_are_no_error() -> None:
    assert train_tokenizer(TEXTS).encode("漢字 ☃").ids


def test_the_same_texts_give_the_same_tokenizer() -> None:
    assert train_tokenizer(TEXTS).to_str() == train_tokenizer(TEXTS).to_str()
