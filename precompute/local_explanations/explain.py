"""All explanations of one sample: its classes to explain, its rows, its surrogates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from db.records.written import ExplanationRecord
from db.values import Vector
from precompute.dataset.samples import Pixels
from precompute.local_explanations.balanced import ReplicatedDesign, crossed_design, joint_design
from precompute.local_explanations.masking import EmbeddingCache, Evaluator, MaskedPicture
from precompute.local_explanations.modality_ratio import image_share, image_share_positive
from precompute.local_explanations.replicated_surrogate import certainty_of_order, fit_replicated
from precompute.local_explanations.sampling import Design, Rows, lime_design
from precompute.local_explanations.superpixels import LabelMap
from precompute.local_explanations.surrogate import Floats, Surrogate, fit_lime
from precompute.models.protocol import DualStreamModel, Entry, Model
from precompute.recipe import ExplainSettings, derive_seed


@dataclass(frozen=True)
class Target:
    """A class to explain: its index among the model's classes, and why: predicted, true or runner_up."""

    index: int
    kind: str


def targets(probabilities: Floats, true: int) -> list[Target]:
    """The classes to explain: predicted, true where that is another, and the runner-up.

    Args:
        probabilities: [classes] of the untouched sample; the earlier class wins a tie.
        true: index of the sample's class.

    Source: P1 §4.4; docs/definitions.md, Local explanation.
    """
    ranking = np.argsort(-probabilities, kind="stable")
    kinds = {int(ranking[0]): "predicted"}
    kinds.setdefault(true, "true")
    if len(ranking) > 1:
        kinds.setdefault(int(ranking[1]), "runner_up")
    return [Target(index, kind) for index, kind in kinds.items()]


@dataclass(frozen=True)
class Explained:
    """For each model its explanations; `tower_seconds`: time inside towers and opaque models."""

    explanations: dict[str, list[ExplanationRecord]]
    tower_seconds: float


def explain_sample(
    models: Mapping[str, Model],
    *,
    path: str,
    label: str,
    picture: Pixels,
    label_map: LabelMap,
    entries: list[Entry],
    readable: list[Entry],
    settings: ExplainSettings,
    run_seed: int,
    batch_size: int,
    device: torch.device,
) -> Explained:
    """Explain one sample for several models, which share masks and, where they can, tower forwards.

    The seed is made of the run's seed and the sample alone, since masks are shared by models and targets.

    Args:
        models: by name.
        path: the sample's name.
        label: its true class.
        picture: uint8 [h, w, 3] as the models see it.
        label_map: int [h, w].
        entries: all OCR entries.
        readable: those that the models read (the first `max_words` words); weights of the others are 0.
        settings: sampler, rows, fill, kernel.
        run_seed: of the run.
        batch_size: pictures evaluated at a time.
        device: where the models are.

    Returns:
        An explanation of each target by model.
    """
    seed = derive_seed("explain-local", run_seed, path)
    masked = MaskedPicture(picture, label_map, settings.fill, device)
    explained: dict[str, list[ExplanationRecord]] = {}
    tower_seconds = 0.0
    for draw, group in _designs(settings, models):
        design = draw(int(label_map.max()) + 1, len(readable), settings.evaluations, seed)
        nothing = np.array([len(design.image_masks), len(design.text_masks)]) - 1
        untouched, without_text, without_image = (0, 0), (0, nothing[1]), (nothing[0], 0)
        evaluator = Evaluator(group, batch_size, device)
        cache = evaluator.embed(masked, readable, design.image_masks, design.text_masks)
        if settings.certainty is not None and isinstance(design, ReplicatedDesign) and design.crossed:
            design = _certain_blocks(design, cache, settings.certainty, settings)
        evaluated = _image_indices(design)
        cache.embed_images(evaluated)
        for name, model in group.items():
            measured = cache.paired(name, np.array([untouched, without_text, without_image])).numpy()
            wanted = targets(measured[0], model.classes.index(label))
            columns = [target.index for target in wanted]
            surrogates = fit(design, design_probabilities(design, cache, name, columns), settings)
            explained[name] = [
                ExplanationRecord(
                    model=name,
                    sample=path,
                    explained_class=model.classes[target.index],
                    kind=target.kind,
                    seed=seed,
                    **_figures(surrogate, column, design, len(evaluated), settings, len(entries) - len(readable)),
                )
                for target, surrogate, column in zip(wanted, surrogates, measured.T[columns], strict=True)
            ]
        tower_seconds += evaluator.tower_seconds
    return Explained({name: explained[name] for name in models}, tower_seconds)


def _image_indices(design: Design | ReplicatedDesign) -> Rows:
    """The image masks that an explanation is computed from: of the design's rows, all on, all off."""
    return np.unique([*design.rows[:, 0], 0, len(design.image_masks) - 1])


def _certain_blocks(
    design: ReplicatedDesign, cache: EmbeddingCache, certainty: float, settings: ExplainSettings
) -> ReplicatedDesign:
    """The first blocks, two at least, where they settle the order of the predicted class's greatest weights."""
    for blocks in range(2, len(design.blocks)):
        part = replace(design, blocks=design.blocks[:blocks])
        cache.embed_images(_image_indices(part))
        if all(_certainty(part, cache, name, settings) >= certainty for name in cache.models):
            return part
    return design


def _certainty(design: ReplicatedDesign, cache: EmbeddingCache, name: str, settings: ExplainSettings) -> float:
    predicted = int(cache.paired(name, np.zeros((1, 2), dtype=np.intp))[0].argmax())
    surrogate = fit(design, design_probabilities(design, cache, name, [predicted]), settings)[0]
    assert surrogate.errors is not None
    return certainty_of_order(surrogate.weights, surrogate.errors, settings.certain_top)


def design_probabilities(
    design: Design | ReplicatedDesign, cache: EmbeddingCache, name: str, columns: list[int]
) -> Floats:
    """The model's probabilities [n, columns] in the order of the design's rows."""
    if isinstance(design, ReplicatedDesign) and design.crossed:
        return np.concatenate([cache.crossed(name, image, text, columns).numpy() for image, text in design.blocks])
    return cache.paired(name, design.rows, columns).numpy()


def _designs(
    settings: ExplainSettings, models: Mapping[str, Model]
) -> list[tuple[Callable[[int, int, int, int], Design | ReplicatedDesign], dict[str, Model]]]:
    """Which models share which design: towers apart can be crossed cheaply, an opaque model is evaluated row by row."""
    if settings.sampler == "lime":
        return [(lime_design, dict(models))]
    dual: dict[str, Model] = {name: model for name, model in models.items() if isinstance(model, DualStreamModel)}
    opaque = {name: model for name, model in models.items() if name not in dual}
    return [(draw, group) for draw, group in ((crossed_design, dual), (joint_design, opaque)) if group]


def fit(design: Design | ReplicatedDesign, columns: Floats, settings: ExplainSettings) -> list[Surrogate]:
    """One surrogate a target from probabilities [n, targets] in the order of the design's rows."""
    if isinstance(design, ReplicatedDesign):
        return fit_replicated(design, columns, settings.kernel_width, settings.ridge)
    return fit_lime(design.features, columns, settings.kernel_width, settings.ridge)


def _figures(
    surrogate: Surrogate,
    measured: Floats,
    design: Design | ReplicatedDesign,
    image_evaluations: int,
    settings: ExplainSettings,
    unread: int,
) -> dict[str, Any]:
    """`measured`: the target's probability untouched, without any text, without the picture."""
    superpixels, entries = design.image_masks.shape[1], design.text_masks.shape[1]
    image_weights, text_weights = _by_modality(surrogate.weights, superpixels, unread)
    errors = surrogate.errors
    image_errors, text_errors = (None, None) if errors is None else _by_modality(errors, superpixels, unread)
    return {
        "probability": float(measured[0]),
        "surrogate_prediction": surrogate.prediction,
        "intercept": surrogate.intercept,
        "r2": surrogate.r2,
        "image_evaluations": image_evaluations,
        "text_evaluations": len(design.text_masks) if entries else 0,
        "sampler": settings.sampler,
        "fill": settings.fill,
        "image_weights": image_weights,
        "image_errors": image_errors,
        "text_weights": text_weights,
        "text_errors": text_errors,
        "image_share": image_share(image_weights, text_weights),
        "image_share_positive": image_share_positive(image_weights, text_weights),
        "probability_without_text": float(measured[1]),
        "probability_without_image": float(measured[2]),
    }


def _by_modality(values: Floats, superpixels: int, unread: int) -> tuple[Vector, Vector]:
    """float32 values of the superpixels and of the entries, 0 for entries that the model never reads."""
    image, text = np.split(values.astype(np.float32), [superpixels])
    return image, np.pad(text, (0, unread))
