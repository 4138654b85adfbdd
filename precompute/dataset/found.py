"""What a scan of a data set finds before any picture is opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from precompute.dataset.faults import Fault
from precompute.dataset.walk import File

MASK_FOLDER = "masks"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a sample's annotations stand: one line of a metadata file, or a whole Google Vision file.

    Annotations of 100,000 samples are hundreds of megabytes: they are read again when their sample's turn comes.
    `digest` is the line's SHA-256 or the file's stamp; `offset` and `length` are bytes.
    """

    kind: Literal["metadata", "vision"]
    file: str
    digest: str
    line: int | None = None
    offset: int = 0
    length: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A picture with its label; `split` is None in a data set that comes without one."""

    picture: File
    label: str
    split: str | None
    source: Source | None


@dataclass(frozen=True, slots=True)
class Found:
    """A sample to be ingested."""

    picture: File
    label: str
    split: str
    source: Source | None
    mask: File | None

    @property
    def path(self) -> str:
        """The sample's name everywhere."""
        return self.picture.path

    @property
    def stamp(self) -> str:
        """Changes when the picture, its mask or its annotations change."""
        return "\0".join(
            [
                self.picture.stamp,
                self.source.digest if self.source else "",
                self.mask.stamp if self.mask else "",
            ]
        )


@dataclass(frozen=True)
class ClassRow:
    """A line of classes.csv."""

    label: str
    display_name: str | None = None
    family: str | None = None


@dataclass(frozen=True)
class Scan:
    """All samples of a data set, ordered by path, what is wrong with the rest, and what classes.csv lists."""

    samples: tuple[Found, ...]
    faults: tuple[Fault, ...]
    classes: dict[str, ClassRow]


def is_mask(path: str) -> bool:
    """Whether a file lies in the reserved folder of masks."""
    return path.startswith(f"{MASK_FOLDER}/")


def mask_path(path: str) -> str:
    """Where the mask of a sample would lie: `masks/<split>/<class>/<name>.png`."""
    return f"{MASK_FOLDER}/{PurePosixPath(path).with_suffix('.png')}"
