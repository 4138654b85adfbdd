"""The commands of the offline job: `python -m precompute --help`."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from db import commandline
from db.address import DEFAULT_URL, shown
from db.errors import UserError
from precompute.recipe import Stage, read_recipe

if TYPE_CHECKING:
    from sqlalchemy import Engine

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


Url = Annotated[str, typer.Option("--db", help="Database URL.", show_default=True)]
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


def _order_and_run(
    stages: tuple[Stage, ...] | None,
    dataset: Path,
    url: str,
    recipe: Path,
    samples_per_class: int | None,
    worst_classes: int | None,
    workers: int | None,
    artifacts: Path | None,
    device: Device,
    explain: dict[str, Any] | None = None,
    runtime: dict[str, Any] | None = None,
) -> None:
    """`explain` and `runtime`: settings in place of the recipe's, None = as in the recipe."""
    from precompute.pipeline import Order, default_artifacts, run
    from precompute.progress import say

    order = Order(
        dataset=dataset,
        url=url,
        recipe=read_recipe(recipe).replaced(explain=explain or {}, runtime=runtime or {}),
        artifacts=artifacts or default_artifacts(url),
        samples_per_class=samples_per_class,
        worst_classes=worst_classes,
        workers=workers,
        device=device.value,
    )
    outcome = run(order, stages)
    say(f"done: {shown(url)}")
    if not outcome.clean:
        say(
            f"skipped: {outcome.problems} problem(s) in the data set, {outcome.failed} failed unit(s) of work; "
            f"python -m precompute status --db {shown(url)} lists them"
        )
        raise typer.Exit(SKIPPED)


def _stage_command(name: str, stages: tuple[Stage, ...] | None, text: str) -> None:
    """Register one command that takes the options of `run`."""

    @app.command(
        name,
        help=text,
        epilog=f"Example: python -m precompute {name} --dataset data/groceries --db sqlite:///groceries.db",
    )
    def command(
        dataset: Dataset,
        url: Url = DEFAULT_URL,
        recipe: RecipeFile = Path("paper.toml"),
        samples_per_class: PerClass = None,
        worst_classes: Worst = None,
        workers: WorkerCount = None,
        artifacts: Artifacts = None,
        device: DeviceOption = Device.AUTO,
        sampler: Sampler = None,
        evaluations: Evaluations = None,
        precision: Precision = None,
    ) -> None:
        _order_and_run(
            stages,
            dataset,
            url,
            recipe,
            samples_per_class,
            worst_classes,
            workers,
            artifacts,
            device,
            explain={"sampler": sampler, "evaluations": evaluations},
            runtime={"precision": precision},
        )


_stage_command("run", None, "Run all stages of the recipe; the same command again continues where it stopped.")
_stage_command("ingest", ("ingest",), "Read the data set: pictures, OCR entries, classes.")
_stage_command("ocr", ("ocr",), "Read the text of pictures that came without OCR entries.")
_stage_command("train", ("train",), "Train the models, or load given ones, and predict every sample.")
_stage_command("explain-local", ("explain-local",), "Explain single predictions.")
_stage_command("explain-global", ("explain-global",), "Group what models rely on in each class.")
_stage_command("activation", ("activation",), "Map where a picture's features come from, and rank them.")


@app.command(epilog="Example: python -m precompute demo --db sqlite:///demo.db")
def demo(url: Url = "sqlite:///demo.db", workers: WorkerCount = None) -> None:
    """Draw the built-in sample set and run everything on it; does nothing where that is done."""
    from precompute.demo import prepare_demo

    dataset = prepare_demo(url)
    if dataset is not None:
        _order_and_run(None, dataset, url, Path("demo.toml"), None, None, workers, None, Device.AUTO)


@app.command(epilog="Example: python -m precompute status --db sqlite:///groceries.db")
def status(url: Url = DEFAULT_URL) -> None:
    """Show what is done, failed and left, with an estimate of the time left."""
    from precompute.status import status_text

    typer.echo(status_text(url))


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
    url: Url = DEFAULT_URL,
    drop_segments: Annotated[str | None, typer.Option(help="Superpixels to remove, e.g. 3,7.")] = None,
    drop_entries: Annotated[str | None, typer.Option(help="OCR entries to remove, e.g. 0,2.")] = None,
) -> None:
    """Print the model's probabilities with those features removed, as JSON."""
    from precompute.probe import probe_sample

    answer = probe_sample(
        url, model, sample, _numbers(drop_segments, "--drop-segments"), _numbers(drop_entries, "--drop-entries")
    )
    typer.echo(json.dumps({"probabilities": answer}, ensure_ascii=False))


@evaluate.command(epilog="Example: python -m precompute evaluate planted --db sqlite:///demo.db")
def planted(
    url: Url = "sqlite:///demo.db",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare explanations with the planted evidence of the built-in sample set."""
    from db.session import open_read_only
    from precompute.evaluation.planted import format_report, planted_report

    report = planted_report(open_read_only(url))
    typer.echo(json.dumps(report.as_dict()) if as_json else format_report(report))


def _report_failed(engine: Engine, stage: str) -> None:
    """Say how many samples a stage could not measure, and exit with 3 where there are any."""
    from db.reader import Reader
    from precompute.progress import say

    failed = next((one.failed for one in Reader(engine).progress() if one.stage == stage), 0)
    if failed:
        say(f"skipped: {failed} unit(s) of work failed; python -m precompute status lists them")
        raise typer.Exit(SKIPPED)


@evaluate.command(epilog="Example: python -m precompute evaluate deletion --db sqlite:///groceries.db")
def deletion(url: Url = DEFAULT_URL, workers: WorkerCount = None) -> None:
    """Accuracy without the features of each class's top groups, beside that without as many random others."""
    from precompute.evaluation.deletion import STAGE, evaluate_deletion
    from precompute.evaluation.deletion_report import deletion_table
    from precompute.progress import progress_bar
    from precompute.stored_run import job_behind

    with job_behind(url, "explain-global", workers) as job:
        with progress_bar("evaluate deletion", "sample") as show:
            evaluate_deletion(job, show)
        typer.echo(deletion_table(job.engine))
        _report_failed(job.engine, STAGE)


@evaluate.command(epilog="Example: python -m precompute evaluate faithfulness --db sqlite:///groceries.db")
def faithfulness(
    url: Url = DEFAULT_URL,
    samples_per_class: Annotated[int, typer.Option(min=1, help="Explained test samples of each class.")] = 8,
    steps: Annotated[int, typer.Option(min=1, help="Points of a curve, which the time grows with.")] = 20,
    against: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Another database, measured too, whose explanations to compare with."),
    ] = None,
    workers: WorkerCount = None,
) -> None:
    """Deletion and insertion curves of local explanations beside those of random rankings."""
    from db.session import open_read_only
    from precompute.evaluation.faithfulness import STAGE, evaluate_faithfulness
    from precompute.evaluation.faithfulness_report import comparison_table, faithfulness_table
    from precompute.progress import progress_bar
    from precompute.stored_run import job_behind

    with job_behind(url, "explain-local", workers) as job:
        with progress_bar("evaluate faithfulness", "sample") as show:
            evaluate_faithfulness(job, samples_per_class, steps, show)
        typer.echo(faithfulness_table(job.engine))
        if against is not None:
            typer.echo(f"\n{comparison_table(job.engine, open_read_only(against))}")
        _report_failed(job.engine, STAGE)


@evaluate.command(epilog="Example: python -m precompute evaluate localisation --db sqlite:///tiles.db")
def localisation(url: Url = DEFAULT_URL, workers: WorkerCount = None) -> None:
    """Do activation maps, and LIME's superpixels, point at what masks mark? Pointing game and energy inside."""
    from precompute.evaluation.localisation import STAGE, evaluate_localisation
    from precompute.evaluation.localisation_report import localisation_table
    from precompute.progress import progress_bar
    from precompute.stored_run import job_behind

    with job_behind(url, "activation", workers) as job:
        with progress_bar("evaluate localisation", "sample") as show:
            evaluate_localisation(job, show)
        typer.echo(localisation_table(job.engine))
        _report_failed(job.engine, STAGE)


if __name__ == "__main__":
    commandline.run(app, "precompute")
