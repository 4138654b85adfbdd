"""Made-up predictions and explanations of the example database, and groups of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from db.schema.base import Base
from db.schema.tables import Evaluation, Explanation, GlobalGroup, GlobalMember, Model, Prediction, Sample
from db.values import Vector

HASH = "example"


@dataclass(frozen=True)
class Made:
    """A stored sample; `weak` = all weights <= 0, `segments` of its label map, `texts` of its entries."""

    row: Sample
    category: int
    index: int
    segmentation: int
    segments: int
    texts: tuple[str, ...]
    weak: bool

    @property
    def test(self) -> bool:
        return self.row.split == "test"


@dataclass(frozen=True)
class Outcome:
    """What a model says of a sample: its probabilities and the explanations made of them, by class."""

    made: Made
    probabilities: Vector
    predicted: int
    runner_up: int
    explanations: dict[int, Explanation]


def predict(made: Made, position: int, classes: int) -> Outcome:
    own = made.category
    wrong = (own + made.index + position) % 7 == 6 and own > 2
    predicted, runner_up = ((own + 1) % classes, own) if wrong else (own, (own + 1) % classes)
    if (own, made.index) == (1, 0):
        predicted, runner_up = 2, 1
    if (own, made.index) == (2, 1):
        predicted, runner_up = 0, 1
    rest = np.random.default_rng([own, made.index, position]).random(classes)
    probabilities = (0.15 * rest / rest.sum()).astype(np.float32)
    probabilities[predicted] += 0.6
    probabilities[runner_up] += 0.25
    return Outcome(made, probabilities, predicted, runner_up, {})


def prediction(outcome: Outcome, model_id: int, keys: list[int]) -> Prediction:
    return Prediction(
        model_id=model_id,
        sample_id=outcome.made.row.id,
        category_id=keys[outcome.predicted],
        probability=float(outcome.probabilities[outcome.predicted]),
        probabilities=outcome.probabilities,
    )


def explain(outcome: Outcome, model: Model, keys: list[int]) -> list[Explanation]:
    targets = {outcome.runner_up: "runner_up", outcome.made.category: "true", outcome.predicted: "predicted"}
    for target, kind in targets.items():
        outcome.explanations[target] = _explanation(outcome, model, target, keys[target], kind)
    return list(outcome.explanations.values())


def _explanation(outcome: Outcome, model: Model, target: int, key: int, kind: str) -> Explanation:
    made = outcome.made
    random = np.random.default_rng([made.category, made.index, model.position, target])
    weights = random.normal(0.01, 0.05, made.segments + len(made.texts)).astype(np.float32)
    if made.weak:
        weights = -np.abs(weights)
    image, text = weights[: made.segments], weights[made.segments :]
    probability = float(outcome.probabilities[target])
    return Explanation(
        model_id=model.id,
        sample_id=made.row.id,
        segmentation_id=made.segmentation,
        category_id=key,
        kind=kind,
        probability=probability,
        surrogate_prediction=probability + 0.01,
        intercept=probability + 0.01 - float(weights.sum(dtype=np.float64)),
        r2=float(random.uniform(0.5, 0.95)),
        image_evaluations=2000,
        text_evaluations=2 ** len(made.texts),
        sampler="lime",
        fill="black",
        seed=int(random.integers(2**32)),
        image_weights=image,
        image_errors=_errors(image, model),
        text_weights=text,
        text_errors=_errors(text, model),
        image_share=_share(np.abs(image), np.abs(text)),
        image_share_positive=_share(np.maximum(image, 0), np.maximum(text, 0)),
        probability_without_text=probability * 0.8,
        probability_without_image=probability * 0.3,
    )


def _errors(weights: Vector, model: Model) -> Vector | None:
    """The first model's sampler gives none."""
    return np.full_like(weights, 0.01) if model.position else None


def _share(image: Vector, text: Vector) -> float | None:
    total = float(image.sum() + text.sum())
    return float(image.sum()) / total if total else None


def form_groups(outcomes: list[Outcome], model: Model, label: str, keys: list[int]) -> list[Base]:
    """Two groups of the best and second-best superpixels, and one of the entries in position 1 (milk, misspelt)."""
    category = outcomes[0].made.category
    explained = [one for one in outcomes if one.explanations]
    groups = []
    for place in (0, 1):
        ranked = [(one, int(np.argsort(-one.explanations[category].image_weights)[place])) for one in explained]
        groups.append(_one_group("image", place + 1, f"image group {place + 1}", ranked, category))
    lettered = [(one, 1) for one in explained if len(one.made.texts) > 1]
    spellings = Counter(one.made.texts[1] for one, _ in lettered)
    if spellings:
        groups.append(_one_group("text", 1, spellings.most_common(1)[0][0], lettered, category, dict(spellings)))
    kept = [group for group in groups if group.members]
    for group in kept:
        group.model_id, group.category_id = model.id, keys[category]
    of_parts = [group for group in kept if group.modality == "image"]
    figures = {
        "explained": len(explained),
        "support": 1,
        "parts": sum(len(group.members) for group in of_parts) + 2,
        "noise": 2,
        "rare": 0,
        "groups": len(of_parts),
        "reason": None,
        "places": [
            [one.made.row.id, int(segment), round(place / len(explained), 3), rank / 2]
            for place, one in enumerate(explained)
            for rank, segment in enumerate(np.argsort(-one.explanations[category].image_weights)[:3])
        ],
    }
    noise = Evaluation(kind="groups", model_id=model.id, category_id=keys[category], modality="image", figures=figures)
    return [*kept, noise]


def _one_group(
    modality: str,
    rank: int,
    name: str,
    occurrences: list[tuple[Outcome, int]],
    category: int,
    spellings: dict[str, int] | None = None,
) -> GlobalGroup:
    members, scores = [], []
    for outcome, feature in occurrences:
        row = outcome.explanations[category]
        weight = float((row.image_weights if modality == "image" else row.text_weights)[feature])
        if weight <= 0:
            continue
        scores.append(weight**2 / float(np.abs(row.image_weights).sum() + np.abs(row.text_weights).sum()))
        member = GlobalMember(explanation_id=row.id, sample_id=row.sample_id, feature=feature, weight=weight)
        member.representative = False
        members.append(member)
    if members:
        max(members, key=lambda member: member.weight).representative = True
    return GlobalGroup(
        modality=modality,
        rank=rank,
        name=name,
        score=float(np.mean(scores)) if scores else 0.0,
        samples=len(members),
        spellings=spellings or {},
        members=members,
    )
