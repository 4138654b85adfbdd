"""The commands `python -m precompute evaluate ...`; each imports what it needs when it runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from db.address import resolved
from precompute.options import SKIPPED, DemoUrl, Replace, RetryFailed, Url, Wait, WorkerCount

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from precompute.context import RunContext

evaluate = typer.Typer(help="Measure how far the explanations can be trusted.", no_args_is_help=True)


@evaluate.command(epilog="Example: python -m precompute evaluate planted --db sqlite:///demo.db")
def planted(
    url: DemoUrl = "sqlite:///demo.db",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare explanations with the planted evidence of the built-in sample set."""
    from db.session import open_read_only
    from precompute.evaluation.planted import format_report, planted_report

    report = planted_report(open_read_only(url))
    typer.echo(json.dumps(report.as_dict()) if as_json else format_report(report))


def _opened(
    url: str | None, stage: str, command: str, workers: int | None, replace: bool, retry_failed: bool, wait: bool
) -> AbstractContextManager[RunContext]:
    from precompute.stored_run import open_stored

    return open_stored(
        resolved(url),
        stage,
        f"evaluate {command}",
        workers,
        replace_results=replace,
        retry_failed=retry_failed,
        wait=wait,
    )


def _report_failed(failed: int) -> None:
    """Say how many samples a stage could not measure, and exit with 3 where there are any."""
    from precompute.progress import say

    if failed:
        say(f"skipped: {failed} unit(s) of work failed; python -m precompute status lists them")
        raise typer.Exit(SKIPPED)


def evaluation_command(name: str, stage: str, text: str) -> None:
    """Register an evaluation of EVALUATIONS that has no options of its own.

    Args:
        stage: whose results it evaluates.
    """

    @evaluate.command(
        name, help=text, epilog=f"Example: python -m precompute evaluate {name} --db sqlite:///groceries.db"
    )
    def command(
        url: Url = None,
        workers: WorkerCount = None,
        replace: Replace = False,
        retry_failed: RetryFailed = False,
        wait: Wait = False,
    ) -> None:
        from precompute.evaluation.run import EVALUATIONS

        measure, table = EVALUATIONS[name]
        with _opened(url, stage, name, workers, replace, retry_failed, wait) as context:
            failed = measure(context)
            typer.echo(table(context.engine))
        _report_failed(failed)


evaluation_command(
    "deletion",
    "explain-global",
    "Accuracy without the features of each class's top groups, beside that without as many random others.",
)
evaluation_command(
    "localisation",
    "activation",
    "Do activation maps, and LIME's superpixels, point at what masks mark? Pointing game and energy inside.",
)


@evaluate.command(epilog="Example: python -m precompute evaluate faithfulness --db sqlite:///groceries.db")
def faithfulness(
    url: Url = None,
    samples_per_class: Annotated[int, typer.Option(min=1, help="Explained test samples of each class.")] = 8,
    steps: Annotated[int, typer.Option(min=1, help="Points of a curve, which the time grows with.")] = 20,
    against: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Another database, measured too, whose explanations to compare with."),
    ] = None,
    workers: WorkerCount = None,
    replace: Replace = False,
    retry_failed: RetryFailed = False,
    wait: Wait = False,
) -> None:
    """Deletion and insertion curves of local explanations beside those of random rankings."""
    from db.session import open_read_only
    from precompute.evaluation.faithfulness_report import comparison_table, faithfulness_table
    from precompute.evaluation.run import evaluate_faithfulness

    with _opened(url, "explain-local", "faithfulness", workers, replace, retry_failed, wait) as context:
        failed = evaluate_faithfulness(context, samples_per_class, steps)
        typer.echo(faithfulness_table(context.engine))
        if against is not None:
            typer.echo(f"\n{comparison_table(context.engine, open_read_only(against))}")
    _report_failed(failed)
