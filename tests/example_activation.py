"""An embedding classifier in the example database: forecasts, ranked features, activation maps and their figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from db.schema.base import Base
from db.schema.tables import ActivationMap, EmbeddingForecast, Evaluation, Model, Prediction, Sample
from db.values import Vector
from tests.stored_rows import RowStore

NAME = "forest"
TOPS = (1, 3, 5, 7, 13)
SELECTED = tuple(range(5, 33))  # 28 features, as of 810 train samples
STORED = ("grad-cam", "hires-cam")
HASH = "example"
SIDES = {1: 32, 2: 16, 3: 8, 4: 4}
STRATEGIES = [(name, top) for name in ("TZZ", "TOZ", "TRR") for top in TOPS] + [("selected", 0), ("image", 0)]


def add_embedding_classifier(
    store: RowStore, position: int, labels: list[str], keys: list[int], samples: Sequence[Sample]
) -> None:
    """Add the model, predictions of all samples, and forecasts with maps of the test ones.

    It has every sample right but the first of the second class. Of the first sample, TZZ with one feature has no map
    in stages 3 and 4: those are empty.
    """
    model = Model(
        run_id=store.run_id,
        name=NAME,
        kind="embedding",
        position=position,
        explained=True,
        settings={"name": NAME, "kind": "embedding"},
        settings_hash=HASH,
        checkpoint=f"{NAME}.safetensors",
        checkpoint_hash="f" * 64,
        classes=labels,
        history=[],
        accuracy=8 / 9,
        top3_accuracy=1.0,
        confusion=[],
    )
    store.finish("train", NAME, [model], mark=HASH)
    rows: list[Base] = []
    maps: dict[str, tuple[int, list[Base]]] = {}
    for sample in samples:
        own = keys.index(sample.category_id)
        predicted = 2 if sample.path == f"test/{labels[1]}/x_000.jpg" else own
        probabilities = np.full(len(keys), 0.3 / (len(keys) - 1), np.float32)
        probabilities[predicted] = 0.7
        category, probability = keys[predicted], float(probabilities[predicted])
        rows.append(
            Prediction(
                model_id=model.id,
                sample_id=sample.id,
                category_id=category,
                probability=probability,
                probabilities=probabilities,
            )
        )
        if sample.split == "test":
            first = sample.path == samples[0].path
            found: list[Base] = [_forecast(model.id, sample.id, category), *_maps(model.id, sample.id, first)]
            maps[f"{NAME}|{sample.path}"] = sample.id, found
    of_model = {"mark": HASH, "model_id": model.id}
    store.finish("predict", NAME, rows, **of_model)
    for key, (sample_id, found) in maps.items():
        store.finish("activation", key, found, sample_id=sample_id, **of_model)
    store.finish("activation-classes", NAME, [*_figures(model.id, labels, keys, samples)], **of_model)
    store.finish("evaluate-localisation", NAME, [*_localisation(model.id, keys)], **of_model)


def probability_map(model: int, sample: int, stage: int, target: str = "predicted") -> ActivationMap:
    """The map of a model with an image tower: brightest at the left."""
    side = SIDES[stage]
    return _map(model, sample, (target, "probability", "grad-cam", stage, 0), np.tile(np.linspace(1, 0, side), side))


def _map(model: int, sample: int, setting: tuple[str, str, str, int, int], values: Vector) -> ActivationMap:
    target, strategy, variant, stage, top = setting
    side = SIDES[stage]
    return ActivationMap(
        model_id=model,
        sample_id=sample,
        target=target,
        strategy=strategy,
        variant=variant,
        stage=stage,
        top=top,
        maximum=0.02 if len(values) else 0.0,
        width=side,
        height=side,
        values=values.astype(np.float32),
    )


def _maps(model: int, sample: int, some_empty: bool) -> Iterator[ActivationMap]:
    """A bright spot that moves with the strategy and widens with the number of features."""
    settings = [("forecast", *one) for one in STRATEGIES] + [("class", "TZZ", top) for top in TOPS]
    for place, (target, strategy, top) in enumerate(settings):
        for variant in STORED:
            for stage, side in SIDES.items():
                empty = some_empty and (target, strategy, top) == ("forecast", "TZZ", 1) and stage > 2
                y, x = (np.mgrid[:side, :side] + 0.5) / side
                spot = np.exp(-((x - (place % 5 + 1) / 6) ** 2 + (y - 0.5) ** 2) / (0.01 + top / 200)).ravel()
                values = np.zeros(0) if empty else spot / spot.max()
                yield _map(model, sample, (target, strategy, variant, stage, top), values)


def _forecast(model: int, sample: int, category: int) -> EmbeddingForecast:
    random = np.random.default_rng([7, sample])
    weights = random.normal(0, 0.05, len(SELECTED)).astype(np.float32)
    order = np.argsort(-np.abs(weights), kind="stable")
    return EmbeddingForecast(
        model_id=model,
        sample_id=sample,
        category_id=category,
        features=[SELECTED[place] for place in order],
        weights=weights[order],
        values=np.linspace(0.1, 2, len(order), dtype=np.float32),
        boxes=[[place % 4 / 4, 0.25, place % 4 / 4 + 0.25, 0.5] for place in range(len(order))],
        similarities=[[strategy, top, _cosine(strategy, top)] for strategy, top in STRATEGIES],
    )


def _cosine(strategy: str, top: int) -> float:
    return {"TZZ": 0.05 + 0.01 * top, "TOZ": 0.1 + 0.01 * top, "TRR": 0.48, "selected": 0.3, "image": 1.0}[strategy]


def _figures(model: int, labels: list[str], keys: list[int], samples: Sequence[Sample]) -> Iterator[Evaluation]:
    by_class = dict.fromkeys(labels, 0.94)
    figures = {"auc": 0.94, "by_class": by_class, "features": 28, "tops": [[n, 0.6 + 0.02 * n] for n in TOPS]}
    yield Evaluation(kind="auc", model_id=model, figures=figures)
    for key in (None, *keys):
        rows = [[strategy, top, _cosine(strategy, top), 0.02] for strategy, top in STRATEGIES]
        figures = {"samples": 3 if key else 9, "rows": rows}
        yield Evaluation(kind="similarity", model_id=model, category_id=key, figures=figures)
    for key in keys:
        paths = [sample.path for sample in samples if sample.category_id == key]
        places = [{"sample": path, "value": 1.5, "box": [0.25, 0.5, 0.5, 0.75]} for path in paths]
        features = [
            {"feature": feature, "samples": 3 - place, "mean_weight": 0.1 / (place + 1), "places": places}
            for place, feature in enumerate(SELECTED[:3])
        ]
        yield Evaluation(
            kind="features", model_id=model, category_id=key, figures={"samples": 3, "top": 13, "features": features}
        )


def _localisation(model: int, keys: list[int]) -> Iterator[Evaluation]:
    """TZZ with five features in stage 2 is the best; LIME lies between it and chance."""
    chance = {"pointing_0": 0.1, "pointing_15": 0.25, "energy": 0.1}
    for split in ("train", "test"):
        for key in (None, *keys):
            samples = 30 if key is None else 10
            for variant in (*STORED, "lime"):
                if variant == "lime":
                    settings = [(None, None, None, 0)]
                else:
                    stages = (*SIDES, "combined")
                    settings = [("forecast", *one[:1], stage, one[1]) for one in STRATEGIES for stage in stages]
                rows = [_measured(variant, *setting) for setting in settings]
                figures = {"split": split, "variant": variant, "samples": samples, "chance": chance, "rows": rows}
                yield Evaluation(kind="localisation", model_id=model, category_id=key, figures=figures)
    best = {"variant": "hires-cam", "target": "forecast", "strategy": "TZZ", "stage": 2, "top": 5}
    yield Evaluation(kind="localisation-choice", model_id=model, figures=best)


def _measured(variant: str, target: str | None, strategy: str | None, stage: int | str | None, top: int) -> dict:
    best = (variant, strategy, stage, top) == ("hires-cam", "TZZ", 2, 5)
    share = 0.5 if best else 0.3 if variant == "lime" else 0.2
    return {
        "target": target,
        "strategy": strategy,
        "stage": stage,
        "top": top,
        "empty": 0,
        "pointing_0": [share, share - 0.1, share + 0.1],
        "pointing_15": [share + 0.2, share + 0.1, share + 0.3],
        "energy": [share - 0.05, share - 0.1, share],
    }
