"""Training: a unit a model, one after the other, since models build on one another's towers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from db import interruption
from db.errors import UserError
from db.read.reader import Reader
from db.records.written import FinishedUnit, ModelRecord
from db.session import Engine
from precompute.context import RunContext
from precompute.dataset.samples import LabelledSample, stored_samples
from precompute.models.checkpoints import StoredCheckpoint, file_hash
from precompute.models.loading import known_files
from precompute.models.own_models import own_hash
from precompute.models.training import FORMAT, TrainedModel, train_models
from precompute.models.worker import chosen_device
from precompute.progress import progress_bar
from precompute.provenance import model_settings
from precompute.recipe import ModelSettings, Recipe, settings_hash

TRAIN = "train"


def train(context: RunContext) -> None:
    """Train the recipe's models on the train split, or take them from their checkpoints.

    A model whose checkpoint is gone, or is no longer what was written, is trained again; one that comes out as it is
    stored keeps its row, and with it all that was computed of it. Models that the recipe does not name are removed.

    Raises:
        UserError: nothing to train on, no CUDA device where one was asked for, or a model that cannot be made.
    """
    samples = stored_samples(context.engine, context.dataset, "train")
    classes = Reader(context.engine).classes.labels()
    recipe = context.recipe
    if not classes:
        raise UserError("train: the database holds no samples; run the stage ingest first")
    if not samples and any(model.kind != "own" for model in recipe.models):
        raise UserError("train: no sample in the split 'train'; the folder train/ of the data set is empty")
    digest = settings_hash([[s.path, s.label, s.picture_hash, s.entries_hash] for s in samples])
    towers = named_towers(recipe)
    marks = {
        model.name: _mark(recipe, model, position, classes, digest, towers)
        for position, model in enumerate(recipe.models)
    }
    finished = context.writer.marks(TRAIN).finished
    stored = _stored_checkpoints(context.engine)
    done = {name: stored[name] for name, mark in marks.items() if finished.get(name) == mark}
    artifacts = context.options.artifacts
    if len(done) < len(marks) or not _whole(_trusted(artifacts, done)):
        _train_pending(context, samples, classes, digest, marks, _trusted(artifacts, stored))
    with interruption.deferred():
        context.writer.prune(TRAIN, {(mark, name) for name, mark in marks.items()})


def _mark(
    recipe: Recipe, model: ModelSettings, position: int, classes: Sequence[str], digest: str, towers: list[str]
) -> str:
    parts = (FORMAT, model, recipe.towers, recipe.training, recipe.seed, classes, digest, position)
    forest = [recipe.embedding] if model.kind == "embedding" else []
    own = [own_hash(model)] if model.kind == "own" else []
    # Older databases hold no hash of the towers' files: then the checkpoint, named after their weights, decides.
    return settings_hash(*parts, *forest, *own, *([] if model.kind == "own" else towers))


def named_towers(recipe: Recipe) -> list[str]:
    """Hashes of the files of towers that lie in folders; a tower of a hub is known by its name alone."""
    folders = [Path(tower.name) for tower in (recipe.towers.image, recipe.towers.text)]
    return [_folder_hash(folder) for folder in folders if folder.is_dir()]


def _folder_hash(folder: Path) -> str:
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return settings_hash([[path.name, file_hash(path)] for path in files])


def _train_pending(
    context: RunContext,
    samples: Sequence[LabelledSample],
    classes: Sequence[str],
    digest: str,
    marks: Mapping[str, str],
    trusted: Mapping[Path, str],
) -> None:
    recipe, artifacts = context.recipe, context.options.artifacts
    device = chosen_device(context.options.device)

    def show_and_check(done: int, total: int) -> None:
        interruption.check()
        show(done, total)

    with progress_bar(TRAIN, "step") as show:
        trained = train_models(recipe, samples, classes, artifacts, digest, device, show_and_check, trusted)
        for position, (settings, model) in enumerate(zip(recipe.models, trained, strict=True)):
            unit = FinishedUnit(
                TRAIN,
                marks[settings.name],
                settings.name,
                [_record(settings, model, position, classes, marks[settings.name])],
                settings=settings_hash(model_settings(recipe, settings)),
            )
            with interruption.deferred():
                context.writer.store([unit])


def _record(
    settings: ModelSettings, model: TrainedModel, position: int, classes: Sequence[str], mark: str
) -> ModelRecord:
    return ModelRecord(
        name=settings.name,
        kind=settings.kind,
        position=position,
        explained=settings.explained,
        settings=settings.model_dump(mode="json"),
        settings_hash=mark,
        checkpoint=model.checkpoint,
        checkpoint_hash=model.checkpoint_hash,
        classes=list(classes),
        history=list(model.history),
    )


def _whole(trusted: Mapping[Path, str]) -> bool:
    """Whether every checkpoint is there and still what was written."""
    return all(path.is_file() and file_hash(path) == value for path, value in trusted.items())


def _trusted(artifacts: Path, stored: Mapping[str, StoredCheckpoint | None]) -> dict[Path, str]:
    """SHA-256 of each checkpoint that stored models need; a model of one's own has none."""
    return known_files(artifacts, [one for one in stored.values() if one is not None])


def _stored_checkpoints(engine: Engine) -> dict[str, StoredCheckpoint | None]:
    """The checkpoint of each stored model by its name; None for a model of one's own."""
    return {
        model.name: None if model.checkpoint is None else StoredCheckpoint(model.checkpoint, model.checkpoint_hash)
        for model in Reader(engine).models.stored()
    }
