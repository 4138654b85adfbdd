"""Recipes: defaults of the paper, checked values, replaced settings, hashes and seeds."""

from pathlib import Path

import pytest

from db.errors import UserError
from precompute.recipe import RECIPES, Recipe, derive_seed, read_recipe, settings_hash


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.name)
def test_built_in_recipes_are_valid_and_found_by_name(path: Path) -> None:
    assert read_recipe(Path(path.name)) == read_recipe(path)


def test_a_mistyped_path_is_not_taken_for_a_built_in_recipe(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"typo/demo\.toml: No such file.*the built-in ones are .*demo\.toml"):
        read_recipe(tmp_path / "typo" / "demo.toml")


def test_the_papers_settings_are_those_of_the_paper() -> None:
    recipe = read_recipe(Path("paper.toml"))
    assert (recipe.training.learning_rate, recipe.training.weight_decay, recipe.training.batch_size) == (2e-5, 1e-4, 16)
    assert (recipe.towers.image_size, recipe.towers.text.max_words) == (256, 256)
    assert (recipe.explain.sampler, recipe.explain.evaluations, recipe.explain.segments) == ("lime", 2000, 100)
    assert (recipe.global_.top, recipe.global_.similarity) == (3, 0.75)
    as_guided = Recipe().replaced(explain={"sampler": "lime", "evaluations": 2000})
    assert as_guided == recipe, "docs/own-data-and-model.md: all else is the default"


@pytest.mark.parametrize(
    "text, words",
    [
        ("seeed = 1", "seeed"),
        ("[explain]\nevaluations = 'many'", "explain.evaluations"),
        ("[towers]\nfrozen = true", "shared = true"),
        ("[[models]]\nname = 'x'\nkind = 'own'", "entry_point"),
        ("[[models]]\nname = 'x'\nkind = 'text'\n[[models]]\nname = 'x'\nkind = 'image'", "two models"),
        ("explain = [", "not valid TOML"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        read_recipe(path)
    assert words in str(error.value)
    assert "mine.toml" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_byte_order_mark_before_the_settings_counts_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xef\xbb\xbfseed = 7\n")
    assert read_recipe(path).seed == 7


def test_settings_are_replaced_where_a_value_is_given() -> None:
    recipe = Recipe().replaced(explain={"sampler": "balanced", "evaluations": None}, runtime={"precision": None})
    assert recipe.explain.sampler == "balanced"
    assert recipe == Recipe()
    assert recipe.replaced(explain={"evaluations": 100}).explain.evaluations == 100


def test_a_sampler_comes_with_its_own_number_of_evaluations() -> None:
    assert Recipe().explain.evaluations == 960
    assert Recipe().replaced(explain={"sampler": "lime"}).explain.evaluations == 2000
    assert Recipe().replaced(explain={"sampler": "lime", "evaluations": 300}).explain.evaluations == 300


def test_hash_depends_on_values_and_not_on_their_order() -> None:
    assert settings_hash({"a": 1, "b": [2]}) == settings_hash({"b": [2], "a": 1}) != settings_hash({"a": 1, "b": [3]})
    assert settings_hash(Recipe()) != settings_hash(Recipe(seed=1))


def test_seeds_come_from_names_alone() -> None:
    assert derive_seed("a", 1, "x") == derive_seed("a", "1", "x")
    assert len({derive_seed("a", 0, f"test/{number}.jpg") for number in range(1000)}) == 1000
    assert derive_seed("ab", "c") != derive_seed("a", "bc")
