"""The same explanation made from the lime package's own parts, and by captum's Lime."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from captum._utils.models.linear_model import SkLearnRidge
from captum.attr import Lime
from captum.attr._core.lime import get_exp_kernel_similarity_function
from lime.lime_image import LimeImageExplainer
from torch import Tensor

from precompute.local_explanations.surrogate import Floats, fit_lime
from precompute.models.dual_stream import TowersAndHead
from precompute.models.protocol import Entries
from precompute.models.runtimes import Execution, Forward, make_forward
from precompute.models.text import join_entries
from precompute.models.towers import BUCKETS, ImageTower, TextTower, pad_tokens
from tests.benchmarks.reference import Subject

ROWS = 2000
LIME_BATCH = 10


class PlainModel:
    """One model asked row by row, every text tokenised anew; rows are run as many at a time as they come.

    Args:
        model: with both towers.
        image_execution, text_execution: how forwards are run; texts are padded to the longest of the batch.
    """

    def __init__(self, model: TowersAndHead, image_execution: Execution, text_execution: Execution) -> None:
        assert isinstance(model.image_tower, ImageTower) and isinstance(model.text_tower, TextTower)
        self.model = model
        self._text_tower = model.text_tower
        self._image: Forward = make_forward(model.image_tower.backbone, image_execution)
        self._text: Forward = make_forward(model.text_tower.backbone, text_execution)

    @torch.inference_mode()
    def predict(self, images: Tensor, entries: list[Entries]) -> Tensor:
        """Probabilities [n, c] of float images in 0..1 with their entries."""
        ids = [self._text_tower.tokenizer.encode(join_entries(one)).ids for one in entries]
        longest = max(len(tokens) for tokens in ids)
        padded = next(length for length in (*BUCKETS, self._text_tower.max_tokens) if longest <= length)
        has_text = torch.tensor([bool(join_entries(one)) for one in entries])
        texts = self._text(*pad_tokens(ids, padded)) * has_text.unsqueeze(1)
        available = torch.stack([torch.ones_like(has_text), has_text], dim=1)
        return self.model.fuse(self._image(images), texts, available)


def lime_parts(subject: Subject, model: PlainModel, rows: int, seed: int) -> Floats:
    """Weights [d] of the predicted class: lime's own loop over rows in batches of 10, then its LimeBase."""
    entries = len(subject.entries)
    texts = np.random.RandomState(seed + 1).randint(0, 2, (rows, entries))
    texts[0] = 1
    waiting = iter(texts)

    def classify(pictures: np.ndarray) -> np.ndarray:
        images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
        kept = [[e for e, on in zip(subject.entries, next(waiting), strict=True) if on] for _ in pictures]
        return model.predict(images, kept).numpy()

    explainer = LimeImageExplainer(kernel_width=subject.settings.kernel_width, random_state=seed)
    black = np.zeros_like(subject.picture)
    data, labels = explainer.data_labels(subject.picture, black, subject.label_map, classify, rows, LIME_BATCH)
    target = int(labels[0].argmax())
    features = np.hstack([data, texts]).astype(np.float64)
    return fit_lime(features, labels[:, [target]], subject.settings.kernel_width, subject.settings.ridge)[0].weights


def captum_lime(subject: Subject, model: PlainModel, rows: int, seed: int, batch: int) -> None:
    """captum's Lime with the same kernel, ridge and features, `batch` rows a forward."""
    torch.manual_seed(seed)
    superpixels, entries = subject.shape
    image = torch.tensor(subject.picture).permute(2, 0, 1)[None].float() / 255
    labels = torch.from_numpy(subject.label_map.astype(np.int64))
    inputs: tuple[Tensor, ...] = (image,)
    features: tuple[Tensor, ...] = (labels.expand(1, 3, *labels.shape),)
    if entries:
        inputs += (torch.ones(1, entries),)
        features += (superpixels + torch.arange(entries)[None],)

    def forward(images: Tensor, *presence: Tensor) -> Tensor:
        on = presence[0] > 0 if presence else torch.zeros(len(images), 0)
        kept = [[e for e, here in zip(subject.entries, row, strict=True) if here] for row in on]
        return model.predict(images, kept)

    with torch.inference_mode():
        target = int(forward(*inputs)[0].argmax())
    similarity = get_exp_kernel_similarity_function("cosine", subject.settings.kernel_width)
    explainer = Lime(forward, SkLearnRidge(alpha=subject.settings.ridge), similarity)
    explainer.attribute(inputs, target=target, feature_mask=features, n_samples=rows, perturbations_per_eval=batch)


def seconds(work: Callable[[], object]) -> float:
    """Wall clock of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
