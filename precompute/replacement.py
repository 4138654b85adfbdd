"""Finished results of unchanged inputs are removed only where that is asked for: what would go is counted, refused."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from db.address import dataset_url, shown, unused_url
from db.errors import UserError
from db.read.reader import Reader
from db.session import Engine
from precompute.context import RunOptions
from precompute.dataset.changes import file_digest
from precompute.progress import say
from precompute.provenance import SETTINGS, model_settings
from precompute.recipe import Recipe, settings_hash

TRAIN = "train"


@dataclass(frozen=True)
class Replaced:
    """Finished units whose settings are others now: of a stage, of a model or of all; `models` = models that go."""

    stage: str
    units: int
    models: tuple[str, ...] = ()


def require_same_data_set(engine: Engine, options: RunOptions, ingesting: bool) -> None:
    """A database holds one data set: another folder is refused unless it holds the same pictures, or may replace them.

    Args:
        ingesting: whether the stage ingest, which alone replaces pictures, is about to run.

    Raises:
        UserError: another data set.
    """
    reader = Reader(engine)
    run = reader.runs.latest()
    if run is None or Path(run.dataset) == options.dataset:
        return
    stored = {sample.path: sample.picture_hash for sample in reader.samples.versions()}
    if not stored:
        return
    if all(file_digest(options.dataset / path) == value for path, value in stored.items()):
        say(f"data set: the pictures of {run.dataset} lie in {options.dataset} now")
        return
    if options.replace and ingesting:
        return
    results = f"{len(stored)} samples and {reader.explanations.count()} explanations"
    raise UserError(
        f"{shown(options.url)}: holds another data set, {run.dataset}, with {results}, which would be removed; "
        f"{_remedy(dataset_url(options.dataset))}" + ("" if ingesting else ", by run or ingest")
    )


def require_permission(engine: Engine, options: RunOptions, stages: Sequence[str]) -> None:
    """Refuse settings that would remove finished results, unless `replace` allows it.

    Args:
        stages: that are about to run.

    Raises:
        UserError: counting what would go, and naming the settings that differ.
    """
    if options.replace:
        return
    found = [*replaced_models(engine, options.recipe)] if TRAIN in stages else []
    found += replaced_units(engine, {name: SETTINGS[name](options.recipe) for name in stages if name in SETTINGS})
    refuse(engine, options, found)


def refuse(engine: Engine, options: RunOptions, found: Sequence[Replaced]) -> None:
    """Raises:
    UserError: something would go.
    """
    if not found:
        return
    stages = ", ".join(dict.fromkeys(one.stage for one in found))
    models = {name for one in found for name in one.models}
    differing = ", ".join(_differing(engine, options.recipe)) or "options of the command"
    raise UserError(
        f"{shown(options.url)}: holds finished results of other settings ({differing}); {stages} would remove "
        f"{_counted(engine, found, models)}; {_remedy(options.url)}"
    )


def _remedy(url: str) -> str:
    return f"name a new database, --db {shlex.quote(unused_url(url))}, or have them removed with --replace"


def require_same_splits(engine: Engine, options: RunOptions, splits: Mapping[str, str]) -> None:
    """In a data set that comes without a split the recipe draws it: another draw would remove results of samples.

    Args:
        splits: by path of the sample, as they are now.

    Raises:
        UserError: samples change between train and test since `dataset.test_share` or `seed` have changed.
    """
    reader = Reader(engine)
    moved = [one.path for one in reader.samples.versions() if splits.get(one.path, one.split) != one.split]
    trained = bool(reader.models.stored())
    now = (options.recipe.seed, options.recipe.dataset.test_share)
    before = {
        _of_run(run.settings, lambda one: str((one.seed, one.dataset.test_share))) for run in reader.runs.of_samples()
    }
    if moved and trained and not options.replace and before != {str(now)}:
        raise UserError(
            f"{shown(options.url)}: {len(moved)} samples would change between train and test and lose their results, "
            f"for seed and dataset.test_share are other ones now; {_remedy(options.url)}"
        )


def replaced_models(engine: Engine, recipe: Recipe) -> Iterator[Replaced]:
    """Models that the recipe does not name any more, or trains with other settings."""
    current = {model.name: settings_hash(model_settings(recipe, model)) for model in recipe.models}
    reader = Reader(engine)
    runs = {run.id: run.settings for run in reader.runs.all()}
    for unit in reader.units.done(TRAIN):
        before = unit.settings if unit.settings is not None else _settings_of_run(runs[unit.run_id], unit.key)
        if current.get(unit.key) != before:
            yield Replaced(TRAIN, 1, (unit.key,))


def _settings_of_run(run: Mapping[str, Any], name: str) -> str | None:
    def of(recipe: Recipe) -> str | None:
        model = next((model for model in recipe.models if model.name == name), None)
        return None if model is None else settings_hash(model_settings(recipe, model))

    return _of_run(run, of)


def replaced_units(engine: Engine, settings: Mapping[str, Any]) -> list[Replaced]:
    """Finished units of stages with other settings than these, by stage; where an older database does not say which,
    the recipe of their run does, and an evaluation's options are taken for the same."""
    reader = Reader(engine)
    runs = {run.id: run.settings for run in reader.runs.all()}
    found: dict[str, int] = {}
    for one in reader.units.counts(list(settings)):
        current = settings_hash(settings[one.stage])
        of_run = _stage_settings_of_run(runs[one.run_id], one.stage) if one.stage in SETTINGS else current
        if (one.settings or of_run) != current:
            found[one.stage] = found.get(one.stage, 0) + one.units
    return [Replaced(stage, units) for stage, units in found.items()]


def _stage_settings_of_run(run: Mapping[str, Any], stage: str) -> str | None:
    return _of_run(run, lambda recipe: settings_hash(SETTINGS[stage](recipe)))


def _of_run(settings: Mapping[str, Any], value: Callable[[Recipe], str | None]) -> str | None:
    try:
        return value(Recipe.model_validate(settings["recipe"]))
    except (KeyError, ValidationError):
        return None


def _counted(engine: Engine, found: Sequence[Replaced], models: set[str]) -> str:
    """What is removed, in words: models with all that depends on them, or explanations, or the units of the stages."""
    reader, of = Reader(engine), models or None
    counts = (reader.explanations.count(of), reader.groups.count(of), reader.units.count_evaluations(of))
    named = zip(counts, ("explanations", "global groups", "evaluations"), strict=True)
    results = ", ".join(f"{count:,} {name}" for count, name in named if count)
    if models:
        return f"{len(models)} models ({', '.join(sorted(models))})" + (f" with {results}" if results else "")
    if any(one.stage == "explain-local" for one in found) and results:
        return results
    return " and ".join(f"{one.units:,} results of {one.stage}" for one in found)


def _differing(engine: Engine, recipe: Recipe) -> Iterator[str]:
    """The settings that differ from those of the run that was opened last, with both values."""
    last = Reader(engine).runs.latest()
    before = last.settings.get("recipe", {}) if last is not None else {}
    after = recipe.model_dump(mode="json", by_alias=True)
    models = [[model["name"] for model in one.get("models", [])] for one in (before, after)]
    if models[0] != models[1]:
        yield f"models {'+'.join(models[0])}, now {'+'.join(models[1])}"
    for name, old, new in _leaves(before, after):
        yield f"{name} {old}, now {new}"


def _leaves(before: Any, after: Any, name: str = "") -> Iterator[tuple[str, Any, Any]]:
    for key in after:
        if key in ("models", "stages") and not name:
            continue
        setting, old, new = f"{name}.{key}".lstrip("."), before.get(key), after[key]
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _leaves(old, new, setting)
        elif old != new:
            yield setting, old, new
