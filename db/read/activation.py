"""Reading activation maps and how well they point at what masks mark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Engine, Row, Select, select

from db.definitions.activation_maps import STAGES, combine_maps
from db.read.evaluations import Evaluations, all_classes_first
from db.records.activation import LocalisationView, MapSetting, MapTarget, MapView, Measure, Strategy, Variant
from db.records.evaluations import Figures
from db.schema.tables import ActivationMap, Category, Model, Sample


@dataclass(frozen=True)
class Activation:
    """Activation maps by model, sample and setting; `combined` ones are made when read."""

    _engine: Engine

    def settings(self, model: str, path: str) -> list[MapSetting]:
        """What there are maps of for a model and sample, `combined` included, in the order of the tables' words."""
        columns = (ActivationMap.target, ActivationMap.strategy, ActivationMap.variant, ActivationMap.stage)
        query = _of(select(*columns, ActivationMap.top), model, path).order_by(ActivationMap.id)
        with self._engine.connect() as connection:
            settings = [MapSetting(*row) for row in connection.execute(query)]
        last = [one for one in settings if one.stage == STAGES[-1]]
        return settings + [MapSetting(one.target, one.strategy, one.variant, "combined", one.top) for one in last]

    def map(self, model: str, path: str, setting: MapSetting) -> MapView | None:
        """One map, None where it is not stored."""
        found = self.maps(model, path, setting.target, setting.variant, setting.top, setting.strategy)
        return next((one for one in found if one.setting == setting), None)

    def maps(
        self,
        model: str,
        path: str,
        target: MapTarget,
        variant: Variant,
        top: int,
        strategy: Strategy | None = None,
    ) -> list[MapView]:
        """The maps of all strategies and stages, `combined` last, at one number of features; or of one strategy.

        A strategy that takes no number (`selected`, `image`, `probability`) is there whatever `top` is.
        """
        query = _of(select(ActivationMap), model, path).where(
            ActivationMap.target == target, ActivationMap.variant == variant, ActivationMap.top.in_({top, 0})
        )
        if strategy is not None:
            query = query.where(ActivationMap.strategy == strategy)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(ActivationMap.id)).all()
        found: dict[tuple[Strategy, int], list[MapView]] = {}
        for row in rows:
            found.setdefault((row.strategy, row.top), []).append(_view(row))
        return [view for stages in found.values() for view in (*stages, *_combined(stages))]

    def mapped_samples(self, model: str, label: str) -> set[str]:
        """Paths of those samples of a class that there are maps of for a model."""
        query = (
            select(Sample.path)
            .join(Category, Category.id == Sample.category_id)
            .join(ActivationMap, ActivationMap.sample_id == Sample.id)
            .join(Model, Model.id == ActivationMap.model_id)
            .where(Category.label == label, Model.name == model)
            .distinct()
        )
        with self._engine.connect() as connection:
            return set(connection.scalars(query))

    def localisation(self, model: str, label: str | None = None) -> list[LocalisationView]:
        """How well a model's maps point at what masks mark, in both splits; all classes first, or of one class."""
        evaluations = Evaluations(self._engine)
        choices = evaluations.figures("localisation-choice", model)
        chosen = next((MapSetting(**row.figures) for row in choices), None)
        return [
            _localisation(row, one, chosen)
            for row in all_classes_first(evaluations.figures("localisation", model, label=label))
            for one in row.figures["rows"]
        ]


def _of(query: Select[*tuple[Any, ...]], model: str, path: str) -> Select[*tuple[Any, ...]]:
    """The maps of a model and sample, through the index that starts with the two."""
    return query.where(
        ActivationMap.model_id == select(Model.id).where(Model.name == model).scalar_subquery(),
        ActivationMap.sample_id == select(Sample.id).where(Sample.path == path).scalar_subquery(),
    )


def _view(row: Row[Any]) -> MapView:
    empty = not len(row.values)
    values = np.zeros(row.width * row.height, np.float32) if empty else row.values
    setting = MapSetting(row.target, row.strategy, row.variant, row.stage, row.top)
    return MapView(setting, values.reshape(row.height, row.width), row.maximum, empty)


def _combined(stages: Sequence[MapView]) -> list[MapView]:
    """The stages' mean, where all of them are there."""
    if tuple(one.setting.stage for one in stages) != STAGES:
        return []
    first = stages[0].setting
    setting = MapSetting(first.target, first.strategy, first.variant, "combined", first.top)
    values = combine_maps([one.values for one in stages])
    return [MapView(setting, values, 1.0, all(one.empty for one in stages))]


def _localisation(row: Figures, one: dict[str, Any], chosen: MapSetting | None) -> LocalisationView:
    chance, variant = row.figures["chance"], row.figures["variant"]
    key = (one["target"], one["strategy"], variant, one["stage"], one["top"])
    return LocalisationView(
        label=row.label,
        split=row.figures["split"],
        variant=variant,
        target=one["target"],
        strategy=one["strategy"],
        stage=one["stage"],
        top=one["top"],
        samples=row.figures["samples"],
        empty=one["empty"],
        pointing_0=_measure(one["pointing_0"], chance["pointing_0"]),
        pointing_15=_measure(one["pointing_15"], chance["pointing_15"]),
        energy=_measure(one["energy"], chance["energy"]),
        chosen=chosen is not None and MapSetting(*key) == chosen,
    )


def _measure(ends: Sequence[float], chance: float) -> Measure:
    value, low, high = ends
    return Measure(value, low, high, chance)
