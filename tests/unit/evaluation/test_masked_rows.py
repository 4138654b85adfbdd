"""Rows of masks: each distinct picture and text is evaluated once, and every row gets its own answer."""

import numpy as np
import pytest
import torch

from precompute.evaluation.masked_rows import MaskedRows, models_sharing_rows
from precompute.local_explanations.masking import MaskedPicture
from precompute.models.protocol import Entry
from tests.small_models import SmallDualModel, SmallOpaqueModel

PICTURE = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
LABELS = np.kron(np.arange(4).reshape(2, 2), np.ones((8, 8), dtype=int)).astype(np.int32)
ENTRIES = [Entry("milk"), Entry("sour"), Entry("oat")]


def _masks(rows: int, width: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((rows, width)) < 0.5


def test_answers_come_in_the_order_of_rows_and_masks_are_evaluated_once() -> None:
    dual, opaque = SmallDualModel(), SmallOpaqueModel()
    rows = MaskedRows(4, 3)
    image, text = _masks(40, 4, 1), _masks(40, 3, 2)
    first = rows.add(image[:25], text[:25])
    second = rows.add(image[25:], text[25:])
    assert (first, second) == (slice(0, 25), slice(25, 40))
    cpu = torch.device("cpu")
    picture = MaskedPicture(PICTURE, LABELS, "black", cpu)
    answers = rows.evaluate({"dual": dual, "opaque": opaque}, picture, ENTRIES, 8, cpu)
    assert dual.images_embedded == len(np.unique(image, axis=0))
    assert dual.texts_embedded == len(np.unique(text, axis=0))
    for row in range(40):
        kept = [entry for entry, keep in zip(ENTRIES, text[row], strict=True) if keep]
        pixels = picture.compose(torch.from_numpy(image[row : row + 1])).float() / 255
        plain = opaque.predict(pixels, [kept])[0]
        for name in ("dual", "opaque"):
            assert answers[name][row] == pytest.approx(plain.numpy(), abs=1e-5)


def test_a_sample_without_text_has_rows_too() -> None:
    rows = MaskedRows(4, 0)
    place = rows.add(_masks(5, 4, 0), np.ones((5, 0), dtype=bool))
    cpu = torch.device("cpu")
    picture = MaskedPicture(PICTURE, LABELS, "black", cpu)
    assert rows.evaluate({"dual": SmallDualModel()}, picture, [], 8, cpu)["dual"][place].shape == (5, 3)


def test_opaque_models_are_asked_alone() -> None:
    models = {"a": SmallDualModel(), "b": SmallOpaqueModel(), "c": SmallDualModel(), "d": SmallOpaqueModel()}
    assert [sorted(group) for group in models_sharing_rows(models)] == [["a", "c"], ["b"], ["d"]]
    assert [sorted(group) for group in models_sharing_rows({"b": models["b"]})] == [["b"]]
