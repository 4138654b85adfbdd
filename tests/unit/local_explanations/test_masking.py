"""Masked pictures and shared evaluation against the plain way, row by row."""

import time

import numpy as np
import pytest
import torch

from precompute.local_explanations.balanced import crossed_design
from precompute.local_explanations.masking import Evaluator, Fill, MaskedPicture, masked_entries
from precompute.local_explanations.sampling import lime_design
from precompute.models.dual_stream import TowersAndHead
from precompute.models.fusions import HEADS, HeadShape
from precompute.models.protocol import Entry
from precompute.models.tower_loading import image_tower, text_tower
from precompute.recipe import FUSIONS, ImageTowerSettings, TextTowerSettings
from tests.small_models import SmallDualModel, SmallOpaqueModel

CPU = torch.device("cpu")
ENTRIES = [Entry("Sour"), Entry("milk"), Entry("1,5%"), Entry("milk")]


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)


@pytest.fixture
def label_map() -> np.ndarray:
    return np.kron(np.arange(12).reshape(3, 4), np.ones((8, 8), dtype=int)).astype(np.int32)


def _plain(picture: np.ndarray, label_map: np.ndarray, mask: np.ndarray, fill: Fill) -> np.ndarray:
    """The lime package's loop: a copy a row, a superpixel at a time."""
    copy = picture.copy()
    for segment in np.flatnonzero(~mask):
        where = label_map == segment
        copy[where] = 0 if fill == "black" else copy[where].mean(axis=0).round()
    return copy.transpose(2, 0, 1)


@pytest.mark.parametrize("fill", ["black", "mean"])
def test_composed_pictures_equal_the_plain_loop(picture: np.ndarray, label_map: np.ndarray, fill: Fill) -> None:
    masks = np.random.default_rng(1).random((20, 12)) < 0.5
    composed = MaskedPicture(picture, label_map, fill, CPU).compose(torch.from_numpy(masks))
    for mask, ours in zip(masks, composed.numpy(), strict=True):
        assert np.array_equal(ours, _plain(picture, label_map, mask, fill))


@pytest.mark.parametrize("fill", ["black", "mean"])
def test_nothing_removed_is_the_picture_bit_for_bit(picture: np.ndarray, label_map: np.ndarray, fill: Fill) -> None:
    composed = MaskedPicture(picture, label_map, fill, CPU).compose(torch.ones(1, 12, dtype=torch.bool))
    assert torch.equal(composed[0], torch.from_numpy(picture).permute(2, 0, 1))


def test_entries_keep_their_order() -> None:
    masks = np.array([[1, 1, 1, 1], [0, 1, 0, 1], [0, 0, 0, 0]], dtype=bool)
    assert [[entry.text for entry in kept] for kept in masked_entries(ENTRIES, masks)] == [
        ["Sour", "milk", "1,5%", "milk"],
        ["milk", "milk"],
        [],
    ]


def test_towers_apart_answer_as_the_opaque_model_does(picture: np.ndarray, label_map: np.ndarray) -> None:
    design = lime_design(12, len(ENTRIES), 50, seed=0)
    models = {"opaque": SmallOpaqueModel(), "dual": SmallDualModel()}
    answers = Evaluator(models, 8, CPU).probabilities(
        MaskedPicture(picture, label_map, "black", CPU), ENTRIES, design.image_masks, design.text_masks, design.rows
    )
    assert answers["opaque"].shape == (50, 3)
    assert torch.allclose(answers["opaque"], answers["dual"], atol=1e-6)


@pytest.mark.parametrize("kind", FUSIONS)
@pytest.mark.parametrize("entries", [ENTRIES, ENTRIES[:1], []])
def test_crossing_equals_asking_row_by_row(
    picture: np.ndarray, label_map: np.ndarray, kind: str, entries: list[Entry]
) -> None:
    """All shortcuts at once: crossed heads, shared and distinct texts, bytes for pictures, batches."""
    model = _tiny_model(kind)
    design = crossed_design(12, len(entries), 60, seed=0)
    answers = Evaluator({kind: model}, 7, CPU).embed(
        MaskedPicture(picture, label_map, "black", CPU), entries, design.image_masks, design.text_masks
    )
    crossed = torch.cat([answers.crossed(kind, *block, [0, 2]) for block in design.blocks])
    assert torch.allclose(crossed, answers.paired(kind, design.rows, [0, 2]), atol=1e-6)
    for row in range(0, len(design.rows), 37):
        image, text = design.rows[row]
        plain = torch.from_numpy(_plain(picture, label_map, design.image_masks[image], "black")).float() / 255
        kept = masked_entries(entries, design.text_masks[[text]])
        assert torch.allclose(model.predict(plain[None], kept)[0, [0, 2]].double(), crossed[row], atol=1e-5)


def test_crossing_a_model_of_ones_own_equals_asking_row_by_row(picture: np.ndarray, label_map: np.ndarray) -> None:
    model = SmallDualModel()
    design = crossed_design(12, 4, 60, seed=0)
    answers = Evaluator({"own": model}, 8, CPU).embed(
        MaskedPicture(picture, label_map, "black", CPU), ENTRIES, design.image_masks, design.text_masks
    )
    crossed = torch.cat([answers.crossed("own", *block, [1]) for block in design.blocks])
    assert torch.equal(crossed, answers.paired("own", design.rows)[:, [1]])


def _tiny_model(kind: str) -> TowersAndHead:
    image, text = (
        image_tower(ImageTowerSettings(name="tiny"), 32, 0),
        text_tower(TextTowerSettings(name="tiny"), ["Sour milk 1,5%"] * 3, 0),
    )
    torch.manual_seed(1)
    shape = HeadShape(image.width, text.width, hidden=16, classes=3, dropout=0.0)
    head = HEADS[kind](shape, torch.tensor([0.5, 0.3, 0.2]))  # type: ignore[index]
    return TowersAndHead(["a", "b", "c"], head, image, text)


def test_time_inside_towers_is_counted(picture: np.ndarray, label_map: np.ndarray) -> None:
    design = lime_design(12, 4, 20, seed=0)
    for model in (SmallOpaqueModel(), SmallDualModel()):
        evaluator = Evaluator({"model": model}, 8, CPU)
        start = time.perf_counter()
        evaluator.probabilities(
            MaskedPicture(picture, label_map, "black", CPU), ENTRIES, design.image_masks, design.text_masks, design.rows
        )
        assert 0 < evaluator.tower_seconds < time.perf_counter() - start


def test_shared_towers_are_asked_once_for_each_distinct_mask(picture: np.ndarray, label_map: np.ndarray) -> None:
    design = lime_design(12, 2, 200, seed=0)
    first, second = SmallDualModel(), SmallDualModel(seed=1)
    second.image_tower = second.text_tower = first
    Evaluator({"first": first, "second": second}, 8, CPU).probabilities(
        MaskedPicture(picture, label_map, "black", CPU), ENTRIES[:2], design.image_masks, design.text_masks, design.rows
    )
    assert (first.images_embedded, second.images_embedded) == (len(np.unique(design.rows[:, 0])), 0)
    assert (first.texts_embedded, second.texts_embedded) == (4, 0)
