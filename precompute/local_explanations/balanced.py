"""The balanced sampler: folded, randomised Hadamard designs of pictures and texts, crossed or joint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from precompute.local_explanations.sampling import Masks, Rows

Integers = npt.NDArray[np.int8]

MAX_BLOCKS = 16
MAX_ENUMERATED = 6
"""So many features or fewer are enumerated fully: at most 64 masks."""


@dataclass(frozen=True)
class ReplicatedDesign:
    """Independent replicates ("blocks") of one balanced design.

    Attributes:
        image_masks: [a, superpixels], True = kept; the first keeps everything, the last nothing.
        text_masks: [b, entries], likewise.
        blocks: for each block the indices of its image masks [p] and of its text masks [q].
        crossed: every image mask of a block meets every text mask of it; else p = q and they meet in pairs.
    """

    image_masks: Masks
    text_masks: Masks
    blocks: tuple[tuple[Rows, Rows], ...]
    crossed: bool

    @property
    def rows(self) -> Rows:
        """[n, 2] indices in image_masks and text_masks of every row, block by block, image mask by image mask."""
        if not self.crossed:
            return np.concatenate([np.stack(block, axis=1) for block in self.blocks])
        pairs = [np.stack(np.meshgrid(image, text, indexing="ij"), axis=-1) for image, text in self.blocks]
        return np.concatenate([pair.reshape(-1, 2) for pair in pairs])


def hadamard(least: int) -> Integers:
    """A Hadamard matrix of Paley's first kind, of the smallest order q + 1 >= `least`, q prime and 3 modulo 4.

    Returns:
        int8 [m, m] of -1 and 1 with H @ H.T = m I and a first column of ones.
    """
    order = next(number for number in range(max(4, least), 4 * least + 8) if number % 4 == 0 and _is_prime(number - 1))
    prime = order - 1
    residues = np.full(prime, -1, dtype=np.int8)
    residues[np.unique(np.arange(1, prime) ** 2 % prime)] = 1
    residues[0] = 0
    shifts = (np.arange(prime)[None, :] - np.arange(prime)[:, None]) % prime
    matrix = np.ones((order, order), dtype=np.int8)
    matrix[1:, 0] = -1
    matrix[1:, 1:] = residues[shifts] + np.eye(prime, dtype=np.int8)
    return matrix * matrix[:, :1]


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, int(number**0.5) + 1))


def folded_design(features: int, random: np.random.Generator) -> Masks:
    """One folded block: a Hadamard matrix with random columns and signs, and its complement.

    Each feature is on in half of the rows, any two are orthogonal, and no two-feature interaction leaks into a weight.

    Args:
        features: number d of columns.

    Returns:
        bool [2m, d], m < d + 1 + the gap to the next order.
    """
    matrix = hadamard(features + 1)
    columns = 1 + random.permutation(matrix.shape[0] - 1)[:features]
    half = matrix[:, columns] * random.choice(np.array([-1, 1], dtype=np.int8), features)
    return np.array(np.concatenate([half, -half]) > 0)


def joint_design(superpixels: int, entries: int, evaluations: int, seed: int) -> ReplicatedDesign:
    """Blocks of folded masks of superpixels and entries at once, for models that can only be evaluated row by row.

    Args:
        superpixels: D_i >= 1.
        entries: D_t >= 0.
        evaluations: number of rows to stay near to.
        seed: of the random columns and signs.
    """
    random = np.random.default_rng(seed)
    features = superpixels + entries
    masks = [_block(features, random) for _ in range(_replicates(evaluations, _size(features)))]
    image, image_indices = _distinct([block[:, :superpixels] for block in masks], superpixels)
    text, text_indices = _distinct([block[:, superpixels:] for block in masks], entries)
    return ReplicatedDesign(image, text, tuple(zip(image_indices, text_indices, strict=True)), crossed=False)


def _replicates(evaluations: int, size: int) -> int:
    return min(max(2, round(evaluations / size)), MAX_BLOCKS)


def crossed_design(superpixels: int, entries: int, evaluations: int, seed: int) -> ReplicatedDesign:
    """Blocks of folded image masks, as many as `evaluations` pictures allow, each crossed with its own text masks.

    Few superpixels or entries are enumerated fully. Two blocks are the least that give every weight an error, so a
    picture of very many superpixels takes more evaluations than asked for. Where there are many entries, several
    blocks share their text masks, so that texts take no more than about a quarter as many evaluations.

    Args:
        superpixels: D_i >= 1.
        entries: D_t >= 0.
        evaluations: number of masked pictures to stay near to.
        seed: of the random columns and signs.
    """
    random = np.random.default_rng(seed)
    blocks = _replicates(evaluations, _size(superpixels))
    text_blocks = min(blocks, max(2, evaluations // (4 * _size(entries))))
    image, image_indices = _distinct([_block(superpixels, random) for _ in range(blocks)], superpixels)
    text, text_indices = _distinct([_block(entries, random) for _ in range(text_blocks)], entries)
    paired = tuple((indices, text_indices[block % text_blocks]) for block, indices in enumerate(image_indices))
    return ReplicatedDesign(image, text, paired, crossed=True)


def _size(features: int) -> int:
    return 2**features if features <= MAX_ENUMERATED else 2 * len(hadamard(features + 1))


def _block(features: int, random: np.random.Generator) -> Masks:
    if features > MAX_ENUMERATED:
        return folded_design(features, random)
    return np.array((np.arange(2**features)[:, None] >> np.arange(features)) & 1, dtype=np.bool_)


def _distinct(blocks: list[Masks], features: int) -> tuple[Masks, list[Rows]]:
    """Distinct masks, all-on first and all-off last, and the indices of each block's masks among them."""
    indices: dict[bytes, int] = {np.ones(features, dtype=bool).tobytes(): 0}
    masks = [np.ones(features, dtype=bool)]
    none = np.zeros(features, dtype=bool)
    found = []
    for block in blocks:
        for mask in block:
            if mask.any() and mask.tobytes() not in indices:
                indices[mask.tobytes()] = len(masks)
                masks.append(mask)
        found.append(block)
    indices.setdefault(none.tobytes(), len(masks))
    masks.append(none)
    return np.array(masks), [np.array([indices[mask.tobytes()] for mask in block], dtype=np.intp) for block in found]
