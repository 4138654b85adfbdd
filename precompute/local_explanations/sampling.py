"""Sampling designs: which superpixels and entries are kept in each row that the model is evaluated on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Masks = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Design:
    """Distinct image and text masks and the rows that pair them.

    The first mask of either modality keeps everything and the last one nothing, so that every design can also answer
    "without any text" and "without the picture" (docs/definitions.md, Modality share).

    Attributes:
        image_masks: [a, superpixels], True = kept.
        text_masks: [b, entries], True = kept.
        rows: [n, 2] indices into image_masks and text_masks; row 0 keeps everything.
    """

    image_masks: Masks
    text_masks: Masks
    rows: Rows

    @property
    def features(self) -> npt.NDArray[np.float64]:
        """z of docs/definitions.md, Local explanation: [n, superpixels + entries] of 0 and 1."""
        image, text = self.rows.T
        return np.hstack([self.image_masks[image], self.text_masks[text]]).astype(np.float64)


def lime_design(superpixels: int, entries: int, rows: int, seed: int) -> Design:
    """The reference sampler: each feature on with probability 1/2, independently; row 0 all ones (as lime_image does).

    Args:
        superpixels: D_i >= 1.
        entries: D_t >= 0.
        rows: number of rows n.
        seed: of numpy's RandomState, the generator that the lime package uses.
    """
    drawn = np.random.RandomState(seed).randint(0, 2, (rows, superpixels + entries)).astype(bool)
    drawn[0] = True
    image_masks, image_rows = _distinct(drawn[:, :superpixels])
    text_masks, text_rows = _distinct(drawn[:, superpixels:])
    return Design(image_masks, text_masks, np.stack([image_rows, text_rows], axis=1))


def _distinct(masks: Masks) -> tuple[Masks, Rows]:
    """Distinct masks, all-on first and all-off last, and where each row's mask stands among them."""
    full, none = np.ones_like(masks[:1]), np.zeros_like(masks[:1])
    others = masks[~masks.all(axis=1) & masks.any(axis=1)]
    distinct = np.concatenate([full, np.unique(others, axis=0), none])
    index_of = {mask.tobytes(): index for index, mask in reversed(list(enumerate(distinct)))}
    return distinct, np.array([index_of[mask.tobytes()] for mask in masks], dtype=np.intp)
