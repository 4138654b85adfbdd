"""A model's answer with chosen features removed, so that any explanation can be checked by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from db.address import shown
from db.errors import UserError
from db.read.reader import Reader
from db.session import open_read_only
from precompute.dataset.samples import sample_picture, stored_samples
from precompute.local_explanations.masking import Evaluator, MaskedPicture
from precompute.local_explanations.superpixels import decode_label_map, segment
from precompute.models.text import cut_entries
from precompute.models.worker import stored_setup
from precompute.stored_run import latest_options


def probe_sample(url: str, model: str, path: str, segments: Sequence[int], entries: Sequence[int]) -> dict[str, float]:
    """Probabilities by class label of one sample with superpixels and OCR entries removed.

    Args:
        url: of the database.
        model: its name.
        path: the sample's path in the data set.
        segments: ids of superpixels to remove.
        entries: positions of OCR entries to remove.

    Raises:
        UserError: no such model, sample, superpixel or entry, or the picture has changed.
    """
    engine = open_read_only(url)
    options = latest_options(engine, url)
    reader = Reader(engine)
    names = [one.name for one in reader.models.stored()]
    stored = reader.pictures.label_map(path)
    if model not in names:
        raise UserError(f"--model {model}: not in {shown(url)}; it holds {', '.join(names) or 'no model'}")
    sample = next((sample for sample in stored_samples(engine, options.dataset) if sample.path == path), None)
    if sample is None:
        raise UserError(f"--sample {path}: not in {shown(url)}; a sample is named by its path in the data set")
    settings = options.recipe.explain
    picture = sample_picture(sample, options.recipe.towers.image_size)
    label_map = segment(picture, settings) if stored is None else decode_label_map(stored.content)
    readable = cut_entries(list(sample.entries), options.recipe.towers.text.max_words)
    image_mask = _kept(int(label_map.max()) + 1, segments, "--drop-segments", "superpixels")
    text_mask = _kept(len(sample.entries), entries, "--drop-entries", "OCR entries")[:, : len(readable)]
    setup = stored_setup(engine, options, [model])
    device, loaded = torch.device(setup.device), setup.load()
    probabilities = Evaluator(loaded, options.recipe.runtime.batch_size, device).probabilities(
        MaskedPicture(picture, label_map, settings.fill, device), readable, image_mask, text_mask, np.zeros((1, 2), int)
    )[model][0]
    return dict(zip(loaded[model].classes, probabilities.tolist(), strict=True))


def _kept(count: int, dropped: Sequence[int], option: str, what: str) -> np.ndarray:
    mask = np.ones((1, count), dtype=bool)
    for index in dropped:
        if not 0 <= index < count:
            raise UserError(f"{option} {index}: the sample has {count} {what}, counted from 0")
        mask[0, index] = False
    return mask
