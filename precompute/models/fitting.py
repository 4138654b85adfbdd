"""The training loop: epochs over indices, a checkpoint after each, and a resumed run that ends in the same weights."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from db.errors import UserError
from precompute.models.checkpoints import load_progress, save_progress
from precompute.recipe import TrainingSettings, derive_seed

LogitsOf = Callable[[Tensor, Generator], tuple[Tensor, Tensor]]
"""Indices of samples and a generator in, logits [m, c] and labels [m] out; m may be less than asked, or 0."""

SECONDS_BETWEEN_CHECKPOINTS = 5.0
"""Shorter epochs than this share a checkpoint: a head's epoch takes milliseconds, writing it would take longer."""


@dataclass(frozen=True)
class Fit:
    """One training: what is trained, on how many samples, and where its progress is kept.

    Attributes:
        name: the kind of model, for seeds and messages.
        key: hash of all that the training depends on; progress kept for another is not gone on with.
    """

    name: str
    module: nn.Module
    logits: LogitsOf
    samples: int
    settings: TrainingSettings
    seed: int
    progress_file: Path
    key: str


def fit(job: Fit, advance: Callable[[int], None]) -> list[dict[str, Any]]:
    """Train with Adam and cross-entropy (P1 §4.3).

    Every epoch is seeded by its number alone, so there is no generator's state to keep, and a killed training, resumed,
    gives the same weights bit for bit on the same machine.

    Args:
        advance: called with the number of epochs just finished.

    Returns:
        One {epoch, loss, train_accuracy} an epoch.

    Raises:
        UserError: the loss or a weight is not finite any more; nothing is kept of that epoch.
    """
    trainable = [parameter for parameter in job.module.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(trainable, lr=job.settings.learning_rate, weight_decay=job.settings.weight_decay)
    history: list[dict[str, Any]] = []
    kept = load_progress(job.progress_file, job.module, optimizer, job.key)
    if kept is not None:
        history = kept["history"]
        advance(len(history))
    saved = time.monotonic()
    for epoch in range(len(history), job.settings.epochs):
        history.append({"epoch": epoch + 1, **_one_epoch(job, optimizer, derive_seed(job.seed, job.name, epoch))})
        _check_finite(job, history[-1])
        advance(1)
        if epoch + 1 < job.settings.epochs and time.monotonic() - saved > SECONDS_BETWEEN_CHECKPOINTS:
            save_progress(job.progress_file, job.module, optimizer, {"history": history}, job.key)
            saved = time.monotonic()
    job.module.eval()
    return history


def _check_finite(job: Fit, line: dict[str, Any]) -> None:
    values = [tensor for tensor in job.module.state_dict().values() if tensor.is_floating_point()]
    if not math.isfinite(line["loss"]) or not all(bool(torch.isfinite(tensor).all()) for tensor in values):
        raise UserError(
            f"train: model {job.name} gives NaN since epoch {line['epoch']}: the training diverged; "
            "lower training.learning_rate in the recipe"
        )


def _one_epoch(job: Fit, optimizer: torch.optim.Optimizer, seed: int) -> dict[str, float]:
    generator = Generator().manual_seed(seed)
    order = torch.randperm(job.samples, generator=generator)
    total, right, seen = 0.0, 0, 0
    job.module.train()
    with torch.random.fork_rng():
        torch.manual_seed(seed)  # dropout and EmbraceNet's draws
        for indices in torch.split(order, job.settings.batch_size):
            logits, labels = job.logits(indices, generator)
            if len(labels) == 0:
                continue
            loss = functional.cross_entropy(logits, labels)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.item() * len(labels)
            right += int((logits.argmax(dim=1) == labels).sum())
            seen += len(labels)
    return {"loss": total / max(seen, 1), "train_accuracy": right / max(seen, 1)}
