"""The commands of the offline job: `python -m precompute --help`."""

from __future__ import annotations

from db import interruption

if __name__ == "__main__":  # before the slower imports: Ctrl-C gets its one line from the start
    interruption.install()

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from db import commandline
from db.address import dataset_url, resolved, shown
from db.errors import UserError
from precompute.evaluation.commands import evaluate
from precompute.options import (
    SKIPPED,
    Artifacts,
    Dataset,
    DemoUrl,
    Device,
    DeviceOption,
    Evaluations,
    ModelName,
    NewUrl,
    PerClass,
    Precision,
    RecipeFile,
    Replace,
    RetryFailed,
    SamplePath,
    Sampler,
    Url,
    Wait,
    WorkerCount,
    Worst,
)
from precompute.recipe import StageName, read_recipe

app = typer.Typer(
    help="Explain the predictions of multimodal product-recognition models and store all of it in one database.",
    epilog="Exit codes: 0 done; 2 bad input, nothing lost; 3 done, but samples were skipped (see `status`).",
    no_args_is_help=True,
    add_completion=False,
)
app.add_typer(evaluate, name="evaluate")


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


if __name__ == "__main__":
    commandline.run(app, "precompute")
