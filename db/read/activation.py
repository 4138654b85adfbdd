"""Reading what an embedding classifier's forecasts rest on, and activation maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import Row, Select, and_, select
from sqlalchemy.orm import aliased

from db.read.evaluations import Evaluations
from db.records.activation import (
    AucView,
    ClassFeatureView,
    FeaturePlace,
    ForecastView,
    LocalisationView,
    MapSetting,
    MapTarget,
    MapView,
    Measure,
    RankedFeature,
    Similarity,
    SimilarityView,
    Strategy,
    Variant,
)
from db.records.evaluations import Figures
from db.records.views import LabelProbability
from db.schema.columns import Vector
from db.schema.tables import ActivationMap, Category, EmbeddingForecast, Model, Prediction, Sample

SMALLEST_MAXIMUM = 1e-8  # a map whose maximum is below shows nothing but rounding (REFERENCE.md §7)
STAGES = (1, 2, 3, 4)


def combine_maps(maps: Sequence[Vector]) -> Vector:
    """The mean of maps, each in 0..1, brought to the size of the first (bilinear): float32 [height, width]."""
    height, width = maps[0].shape
    sized = [Image.fromarray(one).resize((width, height), Image.Resampling.BILINEAR) for one in maps]
    mean: Vector = np.mean([np.asarray(one) for one in sized], axis=0, dtype=np.float32)
    return mean


class ActivationMaps(Evaluations):
    """Rows of the tables `embedding_forecast` and `activation_map`, and what was measured of them."""

    def forecast(self, model: str, path: str) -> ForecastView | None:
        """What an embedding classifier says of a sample, None where its features are not ranked."""
        own = aliased(Category)
        names = ("features", "weights", "values", "boxes", "similarities")
        ranked = [getattr(EmbeddingForecast, name) for name in names]
        query = (
            select(*ranked, Prediction.probabilities, Model.classes, Category.label, own.label.label("own"))
            .select_from(EmbeddingForecast)
            .join(Model, Model.id == EmbeddingForecast.model_id)
            .join(Sample, Sample.id == EmbeddingForecast.sample_id)
            .join(Category, Category.id == EmbeddingForecast.category_id)
            .join(own, own.id == Sample.category_id)
            .join(Prediction, and_(Prediction.model_id == Model.id, Prediction.sample_id == Sample.id))
            .where(Model.name == model, Sample.path == path)
        )
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        order = np.argsort(-row.probabilities, kind="stable")
        return ForecastView(
            model=model,
            sample=path,
            label=row.own,
            predicted=row.label,
            probability=float(row.probabilities[row.classes.index(row.label)]),
            probabilities=tuple(LabelProbability(row.classes[i], float(row.probabilities[i])) for i in order),
            features=tuple(
                RankedFeature(feature, float(weight), float(value), tuple(box))
                for feature, weight, value, box in zip(
                    row.features, row.weights, row._mapping["values"], row.boxes, strict=True
                )
            ),
            similarities=tuple(Similarity(*one) for one in row.similarities),
        )

    def map_settings(self, model: str, path: str) -> list[MapSetting]:
        """What there are maps of for a model and sample, `combined` included, in the order of the tables' words."""
        columns = (ActivationMap.target, ActivationMap.strategy, ActivationMap.variant, ActivationMap.stage)
        query = _of(select(*columns, ActivationMap.top), model, path).order_by(ActivationMap.id)
        with self._engine.connect() as connection:
            settings = [MapSetting(*row) for row in connection.execute(query)]
        last = [one for one in settings if one.stage == STAGES[-1]]
        return settings + [MapSetting(one.target, one.strategy, one.variant, "combined", one.top) for one in last]

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

    def activation_map(self, model: str, path: str, setting: MapSetting) -> MapView | None:
        """One map, None where it is not stored."""
        found = self.activation_maps(model, path, setting.target, setting.variant, setting.top, setting.strategy)
        return next((one for one in found if one.setting == setting), None)

    def activation_maps(
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

    def similarities(self, model: str, label: str | None = None) -> list[SimilarityView]:
        """P2's Table 2: by class, all classes first, strategy and number of features; or of one class."""
        return [
            SimilarityView(row.label, strategy, top, mean, sd, row.figures["samples"])
            for row in _all_classes_first(self.figures("similarity", model, label=label))
            for strategy, top, mean, sd in row.figures["rows"]
        ]

    def auc(self, model: str) -> AucView | None:
        """How well an embedding classifier separates the classes, None where that was not measured."""
        found = self.figures("auc", model)
        if not found:
            return None
        figures = found[0].figures
        tops = tuple((n, auc) for n, auc in figures["tops"])
        return AucView(figures["auc"], figures["by_class"], figures["features"], tops)

    def class_features(self, model: str, label: str) -> list[ClassFeatureView]:
        """The features that a model's forecasts of a class rest on most often, and where they fire most."""
        return [
            ClassFeatureView(
                rank=rank,
                feature=one["feature"],
                samples=one["samples"],
                forecasts=row.figures["samples"],
                top=row.figures["top"],
                mean_weight=one["mean_weight"],
                places=tuple(
                    FeaturePlace(p["sample"], p["sample"].partition("/")[0], p["value"], tuple(p["box"]))
                    for p in one["places"]
                ),
            )
            for row in self.figures("features", model, label=label)
            for rank, one in enumerate(row.figures["features"], start=1)
        ]

    def localisation(self, model: str, label: str | None = None) -> list[LocalisationView]:
        """How well a model's maps point at what masks mark, in both splits; all classes first, or of one class."""
        chosen = next((MapSetting(**row.figures) for row in self.figures("localisation-choice", model)), None)
        return [
            _localisation(row, one, chosen)
            for row in _all_classes_first(self.figures("localisation", model, label=label))
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


def _all_classes_first(rows: Sequence[Figures]) -> list[Figures]:
    return sorted(rows, key=lambda row: row.label or "")


def _localisation(row: Figures, one: dict[str, Any], chosen: MapSetting | None) -> LocalisationView:
    chance, variant = row.figures["chance"], row.figures["variant"]
    place = (one["target"], one["strategy"], variant, one["stage"], one["top"])
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
        chosen=chosen is not None and MapSetting(*place) == chosen,
    )


def _measure(ends: Sequence[float], chance: float) -> Measure:
    value, low, high = ends
    return Measure(value, low, high, chance)
