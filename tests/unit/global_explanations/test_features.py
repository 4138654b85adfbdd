"""Which features of an explanation count."""

from hypothesis import given
from hypothesis import strategies as st

from precompute.global_explanations.features import top_features
from tests.unit.global_explanations.features_of import explanation

weights = st.lists(st.sampled_from([-0.5, -0.125, 0.0, 0.125, 0.25, 0.5]), max_size=12)


@given(weights, weights, st.integers(1, 4))
def test_top_features_are_the_heaviest_with_positive_weight(image: list[float], text: list[float], top: int) -> None:
    made = explanation(1, image, text, [f"word {place}" for place in range(len(text))])
    for modality, all_weights in (("image", image), ("text", text)):
        ranked = sorted(((-w, place) for place, w in enumerate(all_weights) if w > 0))[:top]
        found = top_features(made, modality, top)  # type: ignore[arg-type]
        assert [(-f.weight, f.index) for f in found] == ranked
        assert all(f.norm == sum(map(abs, image)) + sum(map(abs, text)) for f in found)


def test_a_text_feature_carries_its_text_and_an_image_feature_none() -> None:
    made = explanation(7, [0.1], [0.2, 0.3], ["MILK", "1,5%"])
    assert [f.text for f in top_features(made, "text", 3)] == ["1,5%", "MILK"]
    assert [f.text for f in top_features(made, "image", 3)] == [""]


def test_an_explanation_without_text_has_no_text_feature() -> None:
    assert top_features(explanation(1, [0.5], []), "text", 3) == []
