"""Text groups: what joins, what never does, and that order is nothing."""

import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db.definitions.spelling import digits, fold
from precompute.global_explanations.features import Feature
from precompute.global_explanations.groups import FeatureGroup
from precompute.global_explanations.text_groups import group_texts
from tests.unit.global_explanations.features_of import word

# Words one or two slips from each other, with numerals among them: groups and near misses both.
spelling = st.text("aAäbcd15,", min_size=0, max_size=9)
bags = st.lists(st.tuples(spelling, st.sampled_from([0.0625, 0.125, 0.25, 0.5]), st.integers(0, 6)), max_size=40)


def _features(bag: list[tuple[str, float, int]]) -> list[Feature]:
    return [word(text, sample, weight, index) for index, (text, weight, sample) in enumerate(bag)]


def _groups(*texts: str) -> list[set[str]]:
    features = [word(text, sample) for sample, text in enumerate(texts)]
    return [{member.text for member in group.members} for group in group_texts(features, 0.75)]


def _plain_similarity(one: str, other: str) -> float:
    """1 - edit distance / longer length, by the textbook table."""
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, start=1):
        before, row = row, [i]
        for j, right in enumerate(other, start=1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (left != right)))
    return 1 - row[-1] / max(len(one), len(other), 1)


def _plain_digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())


@pytest.mark.parametrize(
    "texts",
    [
        ("MJÖLK", "MJOLK", "MJöLK"),
        ("EKOLOGISK", "EKOLOGIsK"),
        ("EKOLOGISK", "EKQLOGISK"),
        ("500g", "500 G"),
        ("crème", "CREME", "creme"),
    ],
)
def test_spellings_of_one_word_are_one_group(texts: tuple[str, ...]) -> None:
    assert _groups(*texts) == [set(texts)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,5%", "0,5%"),
        ("500g", "300g"),
        ("15", "13"),
        ("MELLANMJÖLK 1,5%", "MELLANMJÖLK 0,5%"),
        ("MELLANMJÖLK ½ LITER", "MELLANMJÖLK ¼ LITER"),
        ("MJÖLK", "LAKTOS"),
    ],
)
def test_unlike_numbers_and_unlike_words_are_never_one_group(one: str, other: str) -> None:
    assert sorted(map(sorted, _groups(one, other, one, other))) == sorted([[one], [other]])


def test_words_are_not_chained_through_a_common_neighbour() -> None:
    # aaaa - aaab - aabb - abbb: each is 0.75 from the next, the ends are 0.25 apart.
    for members in _groups("aaaa", "aaab", "aabb", "abbb"):
        assert not {"aaaa", "abbb"} <= members
        assert not {"aaaa", "aabb"} <= members


@given(bags)
def test_every_member_matches_the_representative_and_the_name(bag: list[tuple[str, float, int]]) -> None:
    for group in group_texts(_features(bag), 0.75):
        for member in group.members:
            for anchor in (group.members[0].text, group.name):
                assert _plain_similarity(fold(member.text), fold(anchor)) >= 0.75
                assert _plain_digits(member.text) == _plain_digits(anchor)


@given(bags, st.randoms(use_true_random=False))
@settings(max_examples=200)
def test_the_order_of_features_changes_nothing(bag: list[tuple[str, float, int]], chance: random.Random) -> None:
    features = _features(bag)
    shuffled = list(features)
    chance.shuffle(shuffled)
    assert _as_set(group_texts(shuffled, 0.75)) == _as_set(group_texts(features, 0.75))


def _as_set(groups: list[FeatureGroup]) -> set[FeatureGroup]:
    return set(groups)


@given(bags)
def test_every_feature_is_in_one_group(bag: list[tuple[str, float, int]]) -> None:
    features = _features(bag)
    members = [member for group in group_texts(features, 0.75) for member in group.members]
    assert sorted(members, key=lambda f: f.index) == features


@given(bags)
def test_name_is_the_most_common_spelling_and_the_representative_the_heaviest(
    bag: list[tuple[str, float, int]],
) -> None:
    for group in group_texts(_features(bag), 0.75):
        texts = [member.text for member in group.members]
        assert texts.count(group.name) == max(map(texts.count, texts))
        assert group.members[0].weight == max(member.weight for member in group.members)


def test_same_folded_spelling_is_never_split() -> None:
    groups = group_texts([word("Mjölk", 0, 0.1), word("MJOLK", 1, 0.9), word("MjÖlk", 2, 0.4)], 0.75)
    assert [sorted(m.text for m in group.members) for group in groups] == [["MJOLK", "MjÖlk", "Mjölk"]]


def test_digits_keep_their_order_and_fractions_count() -> None:
    assert (digits("1,5% 2 l"), digits("½ m²"), digits("mjölk")) == ("152", "½²", "")


def _peak(count: int) -> int:
    """Bytes at the peak of grouping so many unlike words without digits."""
    chance = random.Random(0)
    features = [word("".join(chance.choices("abcdefghijklmnop", k=12)), sample) for sample in range(count)]
    tracemalloc.start()
    group_texts(features, 0.75)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_memory_grows_with_the_number_of_entries_not_with_its_square() -> None:
    assert _peak(2000) < 6 * _peak(500)  # 4 where it is linear, 16 where it is quadratic
