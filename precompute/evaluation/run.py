"""The evaluations by the names of their commands: which stages each consists of, and the table that it prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from db.session import Engine
from precompute.context import RunContext
from precompute.engine import Stage, run_stage
from precompute.evaluation.deletion import deletion_stage, deletion_summary_stage
from precompute.evaluation.deletion_report import deletion_table
from precompute.evaluation.faithfulness import faithfulness_stage
from precompute.evaluation.localisation import localisation_stage, superpixels_stage
from precompute.evaluation.localisation_report import localisation_table
from precompute.replacement import refuse, replaced_units


def evaluate_deletion(context: RunContext) -> int:
    """Run the deletion test for every explained model and both modalities; returns how many units failed.

    Raises:
        UserError: no groups, groups that hold test samples, or a picture that is gone.
    """
    return evaluate(context, [deletion_stage(context.recipe), deletion_summary_stage(context.recipe)])


def evaluate_faithfulness(context: RunContext, samples_per_class: int, steps: int) -> int:
    """Measure deletion and insertion curves of explained test samples; returns how many units failed.

    Raises:
        UserError: no test sample is explained.
    """
    return evaluate(context, [faithfulness_stage(context.recipe, samples_per_class, steps)])


def evaluate_localisation(context: RunContext) -> int:
    """Measure all variants of maps, and superpixels, on all samples with a mask; returns how many units failed.

    Raises:
        UserError: no sample has a mask that marks anything.
    """
    return evaluate(context, [localisation_stage(context.recipe), superpixels_stage(context.recipe)])


def evaluate(context: RunContext, stages: Sequence[Stage]) -> int:
    """Run evaluations, after making sure that no finished figures of other settings are removed unasked.

    Returns:
        How many of the wanted units failed, now or before.

    Raises:
        UserError: an evaluation cannot run, or would remove figures measured with other options.
    """
    if not context.options.replace:
        settings = {stage.name: stage.settings for stage in stages}
        refuse(context.engine, context.options, replaced_units(context.engine, settings))
    return sum(run_stage(context, stage).failed for stage in stages)


EVALUATIONS: Mapping[str, tuple[Callable[[RunContext], int], Callable[[Engine], str]]] = {
    "deletion": (evaluate_deletion, deletion_table),
    "localisation": (evaluate_localisation, localisation_table),
}
"""By name of the command what measures, and the table that it prints; those without options of their own."""
