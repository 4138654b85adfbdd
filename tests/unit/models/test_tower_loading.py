"""Where towers come from, and what is said when they do not come."""

from pathlib import Path

import pytest
import torch
from transformers import ResNetConfig, ResNetModel, ViTConfig, ViTModel

from db.errors import UserError
from precompute.models.tower_loading import (
    config_of,
    fingerprint,
    image_tower,
    image_tower_from,
    text_tower,
    text_tower_from,
)
from precompute.recipe import ImageTowerSettings, TextTowerSettings
from tests.small_towers import distilbert_folder, resnet_folder


def test_a_folder_is_found_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resnet_folder(tmp_path / "my towers" / "resnet")
    monkeypatch.chdir(tmp_path)
    assert image_tower(ImageTowerSettings(name="my towers/resnet"), 32, 0).width == 32


@pytest.mark.parametrize("name", ["../nowhere/resnet", "/nowhere/resnet", "a/b/c", "nobody/no-such-tower", "nothing"])
def test_a_tower_that_is_nowhere_is_one_sentence_without_any_network(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("tried the network")

    monkeypatch.setattr("socket.getaddrinfo", refuse)
    for build in (
        lambda: image_tower(ImageTowerSettings(name=name), 32, 0),
        lambda: text_tower(TextTowerSettings(name=name), (), 0),
    ):
        with pytest.raises(UserError) as caught:
            build()
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    folder = resnet_folder(tmp_path / "resnet")
    state = ResNetModel.from_pretrained(folder).state_dict()
    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "pytorch_model.bin")
    with pytest.raises(UserError, match="safetensors"):
        image_tower(ImageTowerSettings(name=str(folder)), 32, 0)


def test_a_pointer_of_git_lfs_in_place_of_the_weights_is_one_sentence_with_the_file(tmp_path: Path) -> None:
    folder = resnet_folder(tmp_path / "resnet")
    weights = folder / "model.safetensors"
    weights.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0123456789abcdef\nsize 94\n")
    with pytest.raises(UserError) as caught:
        image_tower(ImageTowerSettings(name=str(folder)), 32, 0)
    assert str(weights) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_weights_in_half_precision_are_read_as_float32(tmp_path: Path) -> None:
    folder = tmp_path / "half"
    ResNetModel(ResNetConfig(embedding_size=8, hidden_sizes=[8, 8, 8, 8], depths=[1] * 4)).half().save_pretrained(
        folder
    )
    tower = image_tower(ImageTowerSettings(name=str(folder)), 32, 0)
    assert {p.dtype for p in tower.backbone.parameters()} == {torch.float32}


def test_a_transformer_of_patches_is_an_image_tower_too(tmp_path: Path) -> None:
    config = ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, image_size=32, patch_size=8
    )
    ViTModel(config).save_pretrained(tmp_path / "vit")
    tower = image_tower(ImageTowerSettings(name=str(tmp_path / "vit")), 32, 0)
    assert tower.embed(torch.rand(2, 3, 32, 32)).shape == (2, 16)
    with pytest.raises(UserError, match=r"48x48.*towers\.image_size"):
        image_tower(ImageTowerSettings(name=str(tmp_path / "vit")), 48, 0)


def test_a_text_encoder_is_no_image_tower(tmp_path: Path) -> None:
    folder = distilbert_folder(tmp_path / "distilbert")
    with pytest.raises(UserError, match="name a vision model"):
        image_tower(ImageTowerSettings(name=str(folder)), 32, 0)


def test_a_vision_model_is_no_text_tower(tmp_path: Path) -> None:
    folder = resnet_folder(tmp_path / "resnet")
    with pytest.raises(UserError, match=r"towers\.text\.name"):
        text_tower(TextTowerSettings(name=str(folder)), (), 0)


def test_a_stored_configuration_makes_the_same_image_tower() -> None:
    settings = ImageTowerSettings(name="tiny")
    tower = image_tower(settings, 32, 5)
    again = image_tower_from(config_of(tower), settings, 32)
    again.backbone.load_state_dict(tower.backbone.state_dict())
    assert fingerprint(again) == fingerprint(tower)
    images = torch.rand(3, 3, 32, 32)
    assert torch.equal(again.embed(images), tower.embed(images))


def test_a_stored_configuration_and_tokenizer_make_the_same_text_tower() -> None:
    settings = TextTowerSettings(name="tiny", max_tokens=40)
    tower = text_tower(settings, ["MJÖLK 1,5%", "HAVRE"] * 5, 5)
    again = text_tower_from(config_of(tower), tower.tokenizer.to_str(), settings)
    again.backbone.load_state_dict(tower.backbone.state_dict())
    assert fingerprint(again) == fingerprint(tower)


def test_tiny_towers_differ_by_seed_only() -> None:
    settings = ImageTowerSettings(name="tiny")
    first, again, other = (fingerprint(image_tower(settings, 32, seed)) for seed in (1, 1, 2))
    assert first == again != other
