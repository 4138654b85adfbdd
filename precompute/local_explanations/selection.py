"""Which samples are explained."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from db.errors import UserError
from db.read.reader import Reader
from db.session import Engine
from precompute.context import RunContext, RunOptions
from precompute.dataset.samples import LabelledSample, stored_samples
from precompute.dataset.subsets import choose_samples
from precompute.engine import Task


def chosen_samples(engine: Engine, options: RunOptions) -> list[LabelledSample]:
    """The samples to explain: of the recipe's split, of the worst classes where asked, so many a class."""
    split = options.recipe.explain.split
    samples = stored_samples(engine, options.dataset, None if split == "all" else split)
    if not samples:
        raise UserError(f"explain-local: no stored sample in split '{split}'; see explain.split in the recipe")
    if options.worst_classes is not None:
        worst = _worst_classes(engine, options.worst_classes)
        samples = [sample for sample in samples if sample.label in worst]
    return choose_samples(samples, options.samples_per_class, options.recipe.seed)


def tasks_of_samples(context: RunContext, marks: Mapping[str, str], wanted: Iterable[LabelledSample]) -> Iterator[Task]:
    """A task a model and sample: of all samples, so that what is stored of them stays; wanted are some.

    Args:
        marks: of each model, by name.
    """
    paths = {sample.path for sample in wanted}
    for sample in stored_samples(context.engine, context.dataset):
        for name, mark in marks.items():
            yield Task(
                key=f"{name}|{sample.path}",
                mark=mark,
                payload=sample,
                model=name,
                sample=sample.path,
                wanted=sample.path in paths,
            )


def _worst_classes(engine: Engine, count: int) -> set[str]:
    """Labels of the classes that the explained models together predict least accurately (P1 §6)."""
    outcomes: dict[str, list[bool]] = defaultdict(list)
    for label, right in Reader(engine).predictions.outcomes_on_test():
        outcomes[label].append(right)
    ranked = sorted(outcomes, key=lambda label: (sum(outcomes[label]) / len(outcomes[label]), label))
    return set(ranked[:count])
