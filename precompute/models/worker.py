"""Worker state of stages that evaluate models: the models, loaded once, and one thread a worker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits

from db.errors import UserError
from db.read.reader import Reader
from db.session import Engine
from precompute.context import RunContext, RunOptions
from precompute.engine import Task
from precompute.models.checkpoints import StoredCheckpoint
from precompute.models.loading import load_models
from precompute.models.protocol import Model
from precompute.recipe import Recipe
from precompute.runtime_choices import RUNTIMES, restore_choices, stored_choices


@dataclass(frozen=True)
class WorkerState:
    """A worker's loaded models by name, the settings, and where models run."""

    recipe: Recipe
    models: Mapping[str, Model]
    device: torch.device


@dataclass(frozen=True)
class ModelSetup:
    """How to load the models; `threads` of each forward, 1 where several workers share the cores."""

    recipe: Recipe
    artifacts: Path
    checkpoints: Mapping[str, StoredCheckpoint | None]
    classes: tuple[str, ...]
    device: str
    threads: int = 1

    @contextmanager
    def start(self) -> Iterator[WorkerState]:
        with self.threaded():
            yield WorkerState(self.recipe, self.load(), torch.device(self.device))

    @contextmanager
    def threaded(self) -> Iterator[None]:
        """So many threads for all libraries; afterwards as many as before."""
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            with threadpool_limits(self.threads):  # of BLAS: threads of several workers would wait for one another
                yield
        finally:
            torch.set_num_threads(before)

    def load(self) -> dict[str, Model]:
        """The models by name; those that share towers share them."""
        return load_models(
            self.recipe, self.artifacts, self.checkpoints, list(self.classes), torch.device(self.device), self.threads
        )


def model_setup(context: RunContext, names: Sequence[str], threads: int = 1) -> ModelSetup:
    """How to load the stored models of those names.

    Raises:
        UserError: one is not stored.
    """
    return stored_setup(context.engine, context.options, names, threads)


def stored_setup(engine: Engine, options: RunOptions, names: Sequence[str], threads: int = 1) -> ModelSetup:
    """The same for a database that is open for reading alone."""
    found = [model for model in Reader(engine).models.stored() if model.name in names]
    restore_choices(options.artifacts / RUNTIMES, stored_choices(engine))
    if missing := set(names) - {model.name for model in found}:
        raise UserError(f"model {', '.join(sorted(missing))}: not trained yet; run the stage train")
    return ModelSetup(
        recipe=options.recipe,
        artifacts=options.artifacts,
        checkpoints={
            model.name: None if model.checkpoint is None else StoredCheckpoint(model.checkpoint, model.checkpoint_hash)
            for model in found
        },
        classes=found[0].classes if found else (),
        device=chosen_device(options.device),
        threads=threads,
    )


def setup_of_tasks(context: RunContext, tasks: Sequence[Task]) -> ModelSetup:
    """How to load the models that tasks are about."""
    return model_setup(context, sorted({task.model for task in tasks if task.model is not None}))


def chosen_device(device: str) -> str:
    """`auto` = a CUDA device where there is one.

    Raises:
        UserError: CUDA was asked for and is absent.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: this machine has no CUDA device; use --device cpu or auto")
    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
