"""The files of a data set folder; links that lead out of it are refused, for nothing in a data set is trusted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from db.values import storable
from precompute.dataset.faults import Fault
from precompute.dataset.suffixes import is_picture


@dataclass(frozen=True, slots=True)
class File:
    """A regular file: `path` relative to the data set with `/`, and a stamp that changes with its content."""

    path: str
    size: int
    mtime_ns: int

    @property
    def stamp(self) -> str:
        """Changes when the file is moved, or written again."""
        return f"{self.path}\0{self.size}\0{self.mtime_ns}"


def walk(root: Path) -> Iterator[File | Fault]:
    """Every regular file below a folder, sorted by name within each folder.

    Hidden files and folders are left out; of a hidden folder that holds pictures that is a fault.
    """
    yield from _walk(root, root.resolve(), "")


def _walk(folder: Path, root: Path, prefix: str) -> Iterator[File | Fault]:
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        yield Fault(storable(prefix), f"the folder cannot be listed ({error.strerror}); fix its permissions")
        return
    for entry in entries:
        path = prefix + entry.name
        if entry.name.startswith("."):
            if _holds_picture(entry):
                message = "hidden folders are left out, and this one holds pictures; rename it if they are samples"
                yield Fault(storable(path), message)
            continue
        if storable(path) != path:
            yield Fault(storable(path), "the file name is not valid UTF-8; rename the file")
        elif entry.is_symlink() and (fault := _refused(entry, root, path)) is not None:
            yield fault
        elif entry.is_dir():
            yield from _walk(Path(entry.path), root, f"{path}/")
        elif entry.is_file():
            status = entry.stat()
            yield File(path, status.st_size, status.st_mtime_ns)


def _holds_picture(entry: os.DirEntry[str]) -> bool:
    """Whether a folder, at any depth, holds a file that its name says is a picture."""
    if not entry.is_dir(follow_symlinks=False):
        return False
    return any(is_picture(name) for _, _, names in os.walk(entry.path) for name in names if not name.startswith("."))


def _refused(entry: os.DirEntry[str], root: Path, path: str) -> Fault | None:
    try:
        target = Path(entry.path).resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: a link that leads to itself
        return Fault(path, "a link that leads nowhere; fix or remove it")
    if not target.is_relative_to(root):
        return Fault(path, "a link that leaves the data set folder is not followed; put the file itself there")
    if target.is_dir():
        return Fault(path, "a link to a folder is not followed; put the folder itself there")
    return None
