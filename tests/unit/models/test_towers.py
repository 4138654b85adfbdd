"""Embeddings of pictures and of entries, against transformers used by hand."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from precompute.models.protocol import Entry
from precompute.models.runtimes import Execution
from precompute.models.tower_loading import image_tower, text_tower
from precompute.models.towers import ImageTower, TextTower, pad_tokens
from precompute.recipe import ImageTowerSettings, TextTowerSettings
from tests.small_towers import WORDS, distilbert_folder, resnet_folder

EXECUTIONS = [Execution("torch", batch_size=4), Execution("openvino", batch_size=4, threads=1)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("towers")
    return resnet_folder(folder / "resnet"), distilbert_folder(folder / "distilbert")


@pytest.fixture
def pictures_tower(folders: tuple[Path, Path]) -> ImageTower:
    return image_tower(ImageTowerSettings(name=str(folders[0])), 64, 0)


@pytest.fixture
def texts_tower(folders: tuple[Path, Path]) -> TextTower:
    return text_tower(TextTowerSettings(name=str(folders[1])), (), 0)


def pictures(count: int = 6) -> torch.Tensor:
    return torch.rand(count, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def texts() -> list[list[Entry]]:
    lists = [[Entry(word) for word in words] for words in WORDS.values()]
    return [*lists, [], [Entry("HAVRE"), Entry("Oatly " * 12)], [Entry("x")], lists[0]]


@pytest.mark.parametrize("execution", EXECUTIONS, ids=lambda e: e.runtime)
def test_picture_embedding_is_the_mean_of_the_last_feature_map(
    folders: tuple[Path, Path], pictures_tower: ImageTower, execution: Execution
) -> None:
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normalised = (pictures() - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    with torch.no_grad():
        last = AutoModel.from_pretrained(folders[0])(pixel_values=normalised).last_hidden_state
    pictures_tower.run_with(execution)
    embeddings = pictures_tower.embed(pictures())
    assert embeddings.shape == (6, pictures_tower.width) == (6, 32)
    assert torch.allclose(embeddings, last.flatten(2).mean(dim=2), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("execution", EXECUTIONS, ids=lambda e: e.runtime)
def test_text_embedding_is_the_mean_over_its_own_tokens(
    folders: tuple[Path, Path], texts_tower: TextTower, execution: Execution
) -> None:
    model, tokenizer = AutoModel.from_pretrained(folders[1]), AutoTokenizer.from_pretrained(folders[1])
    texts_tower.run_with(execution)
    for entries, embedding in zip(texts(), texts_tower.embed(texts()), strict=True):
        text = " ".join(entry.text for entry in entries).strip()
        if not text:
            assert torch.equal(embedding, torch.zeros(16))
            continue
        with torch.no_grad():  # one text alone, without any padding
            last = model(input_ids=torch.tensor([tokenizer(text)["input_ids"]])).last_hidden_state[0]
        assert torch.allclose(embedding, last.mean(dim=0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("execution", EXECUTIONS, ids=lambda e: e.runtime)
def test_embeddings_are_bit_equal_in_any_company_and_order(
    pictures_tower: ImageTower, texts_tower: TextTower, execution: Execution
) -> None:
    pictures_tower.run_with(execution)
    texts_tower.run_with(execution)
    together, read = pictures_tower.embed(pictures()), texts_tower.embed(texts())
    for row in range(6):
        assert torch.equal(pictures_tower.embed(pictures()[row : row + 1])[0], together[row])
    for row, entries in enumerate(texts()):
        assert torch.equal(texts_tower.embed([entries])[0], read[row])
    assert torch.equal(pictures_tower.embed(pictures().flip(0)).flip(0), together)
    assert torch.equal(texts_tower.embed(texts()[::-1]).flip(0), read)


def test_a_text_longer_than_the_tower_can_read_is_cut(texts_tower: TextTower) -> None:
    assert texts_tower.max_tokens == 64  # what the DistilBERT of the folder has positions for
    long = [Entry("HAVRE MJÖLK FIL")] * 60
    assert max(len(ids) for ids in texts_tower.token_ids(["HAVRE MJÖLK FIL " * 60])) == 64
    assert torch.isfinite(texts_tower.embed([long])).all()


def test_nothing_in_nothing_out(pictures_tower: ImageTower, texts_tower: TextTower) -> None:
    assert pictures_tower.embed(torch.zeros(0, 3, 64, 64)).shape == (0, 32)
    assert texts_tower.embed([]).shape == (0, 16)


def test_pad_tokens_marks_what_is_real() -> None:
    ids, mask = pad_tokens([[5, 6, 7], [8]], 4)
    assert ids.tolist() == [[5, 6, 7, 0], [8, 0, 0, 0]]
    assert mask.tolist() == [[1, 1, 1, 0], [1, 0, 0, 0]]
