"""The options that several commands of the offline job share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Optional

import typer

SKIPPED = 3
"""Exit code: done, but samples were skipped."""


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
