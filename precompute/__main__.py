"""The commands of the offline job: `python -m precompute --help`."""

from __future__ import annotations

from db import interruption

if __name__ == "__main__":  # before the slower imports: Ctrl-C gets its one line from the start
    interruption.install()

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from db import commandline
from db.address import dataset_url, resolved, shown
from db.errors import UserError
from precompute.recipe import StageName, read_recipe

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from precompute.context import RunContext

SKIPPED = 3

app = typer.Typer(
    help="Explain the predictions of multimodal product-recognition models and store all of it in one database.",
    epilog="Exit codes: 0 done; 2 bad input, nothing lost; 3 done, but samples were skipped (see `status`).",
    no_args_is_help=True,
    add_completion=False,
)
evaluate = typer.Typer(help="Measure how far the explanations can be trusted.", no_args_is_help=True)
app.add_typer(evaluate, name="evaluate")


class Device(StrEnum):
    """Where models run."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class SamplerName(StrEnum):
    """Sampling designs."""

    LIME = "lime"
    BALANCED = "balanced"


class PrecisionName(StrEnum):
    """Of the towers' forwards."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


Url = Annotated[Optional[str], typer.Option("--db", help="Database URL; default: the one in this folder.")]  # noqa: UP045
NewUrl = Annotated[Optional[str], typer.Option("--db", help="Database URL; default: named after the data set.")]  # noqa: UP045
DemoUrl = Annotated[str, typer.Option("--db", help="Database URL.", show_default=True)]
Replace = Annotated[bool, typer.Option("--replace", help="Remove finished results that other settings or data made.")]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Try units that failed before again.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for another run on the same database.")]
Dataset = Annotated[Path, typer.Option(help="Folder of the data set: <split>/<class>/<picture>.")]
RecipeFile = Annotated[Path, typer.Option(help="TOML file, or the name of one in assets/recipes.")]
PerClass = Annotated[Optional[int], typer.Option(min=1, help="Explain so many samples of each class.")]  # noqa: UP045
Worst = Annotated[Optional[int], typer.Option(min=1, help="Explain only the N least accurate classes.")]  # noqa: UP045
WorkerCount = Annotated[Optional[int], typer.Option(min=1, help="Processes; default: one a core.")]  # noqa: UP045
Artifacts = Annotated[Optional[Path], typer.Option(help="Folder of checkpoints; default: beside the database.")]  # noqa: UP045
Sampler = Annotated[Optional[SamplerName], typer.Option(help="Instead of the recipe's explain.sampler.")]  # noqa: UP045
Evaluations = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(min=2, help="Masked pictures a sample, instead of the recipe's explain.evaluations."),
]
Precision = Annotated[
    Optional[PrecisionName],  # noqa: UP045
    typer.Option(help="Of the towers, instead of the recipe's runtime.precision."),
]
DeviceOption = Annotated[Device, typer.Option(help="Where models run.")]
ModelName = Annotated[str, typer.Option(help="Name of the model.")]
SamplePath = Annotated[str, typer.Option(help="The sample's path in the data set.")]


def _run(
    stages: tuple[StageName, ...] | None,
    dataset: Path,
    url: str,
    recipe: Path,
    explain: dict[str, Any] | None = None,
    runtime: dict[str, Any] | None = None,
    artifacts: Path | None = None,
    **options: Any,
) -> None:
    """`explain` and `runtime`: settings in place of the recipe's, None = as in the recipe."""
    from precompute.context import RunOptions
    from precompute.pipeline import default_artifacts, run
    from precompute.progress import say

    settings = read_recipe(recipe).replaced(explain=explain or {}, runtime=runtime or {})
    result = run(RunOptions(dataset, url, settings, artifacts or default_artifacts(url), **options), stages)
    say(f"done: {shown(url)}")
    if not result.clean:
        reason = f" (the latest: {result.reason})" if result.reason else ""
        say(
            f"skipped: {result.problems} problem(s) in the data set, {result.failed} failed unit(s) of work{reason}; "
            f"python -m precompute status --db {shown(url)} lists them"
        )
        raise typer.Exit(SKIPPED)


def _stage_command(name: str, stages: tuple[StageName, ...] | None, text: str) -> None:
    """Register one command that takes the options of `run`."""

    @app.command(
        name,
        help=text,
        epilog=f"Example: python -m precompute {name} --dataset data/groceries --db sqlite:///groceries.db",
    )
    def command(
        dataset: Dataset,
        url: NewUrl = None,
        recipe: RecipeFile = Path("paper.toml"),
        samples_per_class: PerClass = None,
        worst_classes: Worst = None,
        workers: WorkerCount = None,
        artifacts: Artifacts = None,
        device: DeviceOption = Device.AUTO,
        sampler: Sampler = None,
        evaluations: Evaluations = None,
        precision: Precision = None,
        replace: Replace = False,
        retry_failed: RetryFailed = False,
        wait: Wait = False,
    ) -> None:
        _run(
            stages,
            dataset,
            url or dataset_url(dataset),
            recipe,
            artifacts=artifacts,
            explain={"sampler": sampler, "evaluations": evaluations},
            runtime={"precision": precision},
            samples_per_class=samples_per_class,
            worst_classes=worst_classes,
            workers=workers,
            device=device.value,
            replace=replace,
            retry_failed=retry_failed,
            wait=wait,
        )


_stage_command("run", None, "Run all stages of the recipe; the same command again continues where it stopped.")
_stage_command("ingest", ("ingest",), "Read the data set: pictures, OCR entries, classes.")
_stage_command("ocr", ("ocr",), "Read the text of pictures that came without OCR entries.")
_stage_command("train", ("train",), "Train the models, or load given ones, and predict every sample.")
_stage_command("explain-local", ("explain-local",), "Explain single predictions.")
_stage_command("explain-global", ("explain-global",), "Group what models rely on in each class.")
_stage_command("activation", ("activation",), "Map where a picture's features come from, and rank them.")


@app.command(epilog="Example: python -m precompute demo --db sqlite:///demo.db")
def demo(url: DemoUrl = "sqlite:///demo.db", workers: WorkerCount = None, wait: Wait = False) -> None:
    """Draw the built-in sample set and run everything on it; does nothing where that is done."""
    from precompute.demo import prepare_demo

    dataset = prepare_demo(url)
    if dataset is not None:
        _run(None, dataset, url, Path("demo.toml"), workers=workers, wait=wait)


@app.command(epilog="Example: python -m precompute status --db sqlite:///groceries.db")
def status(url: Url = None) -> None:
    """Show what is done, failed and left, with an estimate of the time left."""
    from precompute.status import status_text

    typer.echo(status_text(resolved(url)))


def _numbers(text: str | None, option: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")] if text else []
    except ValueError:
        raise UserError(f"{option} {text}: expected numbers separated by commas, like 3,7") from None


@app.command(
    epilog="Example: python -m precompute probe --db sqlite:///groceries.db --model embracenet "
    "--sample test/Arla-Sour-Milk/Arla-Sour-Milk_001.jpg --drop-segments 3,7 --drop-entries 0"
)
def probe(
    model: ModelName,
    sample: SamplePath,
    url: Url = None,
    drop_segments: Annotated[str | None, typer.Option(help="Superpixels to remove, e.g. 3,7.")] = None,
    drop_entries: Annotated[str | None, typer.Option(help="OCR entries to remove, e.g. 0,2.")] = None,
) -> None:
    """Print the model's probabilities with those features removed, as JSON."""
    from precompute.probe import probe_sample

    answer = probe_sample(
        resolved(url),
        model,
        sample,
        _numbers(drop_segments, "--drop-segments"),
        _numbers(drop_entries, "--drop-entries"),
    )
    typer.echo(json.dumps({"probabilities": answer}, ensure_ascii=False))


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


def _evaluate_command(name: str, stage: str, text: str) -> None:
    """Register an evaluation without options of its own.

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


_evaluate_command(
    "deletion",
    "explain-global",
    "Accuracy without the features of each class's top groups, beside that without as many random others.",
)
_evaluate_command(
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


if __name__ == "__main__":
    commandline.run(app, "precompute")
