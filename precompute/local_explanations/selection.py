"""Which samples are explained."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from db.errors import UserError
from db.tables import Category, Model, Prediction, Sample
from precompute.dataset.choice import choose_samples
from precompute.dataset.samples import LabelledSample, stored_samples
from precompute.pipeline import Order


def chosen_samples(engine: Engine, order: Order) -> list[LabelledSample]:
    """The samples to explain: of the recipe's split, of the worst classes where asked, so many a class."""
    split = order.recipe.explain.split
    samples = stored_samples(engine, order.dataset, None if split == "all" else split)
    if not samples:
        raise UserError(f"explain-local: no stored sample in split '{split}'; see explain.split in the recipe")
    if order.worst_classes is not None:
        worst = _worst_classes(engine, order.worst_classes)
        samples = [sample for sample in samples if sample.label in worst]
    return choose_samples(samples, order.samples_per_class, order.recipe.seed)


def _worst_classes(engine: Engine, count: int) -> set[str]:
    """Labels of the classes that the explained models together predict least accurately (P1 §6)."""
    query = (
        select(Category.label, Prediction.category_id == Sample.category_id)
        .join(Sample, Sample.id == Prediction.sample_id)
        .join(Category, Category.id == Sample.category_id)
        .join(Model, Model.id == Prediction.model_id)
        .where(Model.explained, Sample.split == "test")
    )
    outcomes: dict[str, list[bool]] = defaultdict(list)
    with Session(engine) as session:
        for label, right in session.execute(query):
            outcomes[label].append(right)
    ranked = sorted(outcomes, key=lambda label: (sum(outcomes[label]) / len(outcomes[label]), label))
    return set(ranked[:count])
