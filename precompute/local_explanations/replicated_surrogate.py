"""Weighted ridge on replicated designs in closed form, for many targets at once, with standard errors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from precompute.local_explanations.balanced import ReplicatedDesign
from precompute.local_explanations.surrogate import Floats, Surrogate, proximity

PRIOR_REPLICATES = 6.0
"""Degrees of freedom that the pooled variance of a modality's weights counts for, beside the blocks' own."""

REFERENCE_ROWS = 2000
"""The ridge penalty is stated for so many rows (P1 §4.2) and grows with the weight of the rows."""


@dataclass(frozen=True)
class _Moments:
    """Weighted sums of one block or of several: enough to fit, whatever the number of rows.

    `weight` = Σv; `features` = Σv z [d]; `gram` = Σv z zᵀ [d, d]; `answers` = Σv y [t]; `cross` = Σv z yᵀ [d, t];
    `squares` = Σv y² [t]; `rows` their number.
    """

    weight: float
    features: Floats
    gram: Floats
    answers: Floats
    cross: Floats
    squares: Floats
    rows: int

    def __add__(self, other: _Moments) -> _Moments:
        return _Moments(
            self.weight + other.weight,
            self.features + other.features,
            self.gram + other.gram,
            self.answers + other.answers,
            self.cross + other.cross,
            self.squares + other.squares,
            self.rows + other.rows,
        )


def _crossed_moments(image: Floats, text: Floats, answers: Floats, kernel_width: float) -> _Moments:
    """Sums over all pairs of image masks [p, D_i] and text masks [q, D_t] with answers [p, q, t]."""
    kept = image.sum(axis=1)[:, None] + text.sum(axis=1)[None, :]
    share = kept / (image.shape[1] + text.shape[1])
    weights = proximity(1 - np.sqrt(share), kernel_width)
    of_image, of_text = weights.sum(axis=1), weights.sum(axis=0)
    weighted = weights[:, :, None] * answers
    between = image.T @ weights @ text
    return _Moments(
        weight=float(weights.sum()),
        features=np.concatenate([image.T @ of_image, text.T @ of_text]),
        gram=np.block([[(image.T * of_image) @ image, between], [between.T, (text.T * of_text) @ text]]),
        answers=weighted.sum(axis=(0, 1)),
        cross=np.concatenate([image.T @ weighted.sum(axis=1), text.T @ weighted.sum(axis=0)]),
        squares=(weighted * answers).sum(axis=(0, 1)),
        rows=kept.size,
    )


def _paired_moments(features: Floats, answers: Floats, kernel_width: float) -> _Moments:
    """Sums over rows with features [n, d] and answers [n, t]."""
    weights = proximity(1 - np.sqrt(features.mean(axis=1)), kernel_width)
    weighted = features.T * weights
    return _Moments(
        weight=float(weights.sum()),
        features=weighted.sum(axis=1),
        gram=weighted @ features,
        answers=weights @ answers,
        cross=weighted @ answers,
        squares=weights @ answers**2,
        rows=len(features),
    )


def _solve(sums: _Moments, ridge: float) -> tuple[Floats, Floats, Floats]:
    """Intercepts [t], weights [d, t] and R² [t]."""
    mean, answer = sums.features / sums.weight, sums.answers / sums.weight
    gram = sums.gram - sums.weight * np.outer(mean, mean)
    cross = sums.cross - sums.weight * np.outer(mean, answer)
    total = sums.squares - sums.weight * answer**2
    penalty = ridge * sums.rows / REFERENCE_ROWS
    weights: Floats = np.asarray(np.linalg.solve(gram + penalty * np.eye(len(gram)), cross))
    residual = total - 2 * (weights * cross).sum(axis=0) + (weights * (gram @ weights)).sum(axis=0)
    r2: Floats = np.asarray(np.where(total > 1e-12 * sums.weight, 1 - residual / np.maximum(total, 1e-300), 1.0))
    intercepts: Floats = np.asarray(answer - mean @ weights)
    return intercepts, weights, r2


def fit_replicated(
    design: ReplicatedDesign, probabilities: Floats, kernel_width: float, ridge: float
) -> list[Surrogate]:
    """Fit one surrogate a target with lime's kernel on all rows of a replicated design.

    The blocks are independent draws of the same design, so the spread of their own fits gives the error of the joint
    one; blocks that share their text masks count as one draw of the texts. As they are few, each feature's variance is
    pooled with its modality's (an empirical Bayes estimate).

    Args:
        design: of n rows and d features.
        probabilities: [n, t] in the order of `design.rows`.
        kernel_width: of the proximity kernel.
        ridge: penalty alpha for 2000 rows.

    Returns:
        t surrogates with standard errors.
    """
    superpixels = design.image_masks.shape[1]
    blocks, start = [], 0
    for image_places, text_places in design.blocks:
        image = design.image_masks[image_places].astype(np.float64)
        text = design.text_masks[text_places].astype(np.float64)
        stop = start + (len(image) * len(text) if design.crossed else len(image))
        answers = probabilities[start:stop]
        if design.crossed:
            answers = answers.reshape(len(image), len(text), -1)
            blocks.append(_crossed_moments(image, text, answers, kernel_width))
        else:
            blocks.append(_paired_moments(np.hstack([image, text]), answers, kernel_width))
        start = stop
    joint = blocks[0]
    for block in blocks[1:]:
        joint = joint + block
    intercepts, weights, r2 = _solve(joint, ridge)
    of_blocks = np.stack([_solve(block, ridge)[1] for block in blocks])
    of_texts = np.stack([_solve(sums, ridge)[1] for sums in _by_text(design, blocks)])
    errors = np.concatenate([_standard_errors(of_blocks[:, :superpixels]), _standard_errors(of_texts[:, superpixels:])])
    return [
        Surrogate(float(intercept), column, float(score), float(intercept + column.sum()), error)
        for intercept, column, score, error in zip(intercepts, weights.T, r2, errors.T, strict=True)
    ]


def certainty_of_order(weights: Floats, errors: Floats, top: int) -> float:
    """How sure it is that the `top` greatest weights stand in the right order, and above all others.

    Each weight is compared with the next smaller one, errors taken for normal; the chances of a wrong order are added
    (Bonferroni).

    Args:
        weights: [d] with standard errors [d].

    Returns:
        0..1; 1 for a single weight.
    """
    order = np.argsort(-weights, kind="stable")[: top + 1]
    steps, spreads = -np.diff(weights[order]), np.hypot(errors[order[:-1]], errors[order[1:]])
    wrong = [
        0.5 * math.erfc(step / (spread * math.sqrt(2))) if spread else 0.0
        for step, spread in zip(steps, spreads, strict=True)
    ]
    return max(0.0, 1.0 - math.fsum(wrong))


def _by_text(design: ReplicatedDesign, blocks: list[_Moments]) -> list[_Moments]:
    """Blocks of the same text masks added up; each by itself where all have the same, since those are all there are."""
    sums: dict[bytes, _Moments] = {}
    for (_, texts), block in zip(design.blocks, blocks, strict=True):
        key = texts.tobytes()
        sums[key] = sums[key] + block if key in sums else block
    return list(sums.values()) if len(sums) > 1 else blocks


def _standard_errors(replicates: Floats) -> Floats:
    """Errors [d, t] of the mean of weights [r, d, t] of one modality."""
    if not replicates.shape[1]:
        return np.zeros(replicates.shape[1:])
    count = len(replicates)
    variances = replicates.var(axis=0, ddof=1)
    pooled = variances.mean(axis=0, keepdims=True)
    shrunk = (PRIOR_REPLICATES * pooled + (count - 1) * variances) / (PRIOR_REPLICATES + count - 1)
    return np.asarray(np.sqrt(shrunk / count), dtype=np.float64)
