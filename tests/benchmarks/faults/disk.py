"""A small disk of its own, that can be filled up."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

SIZE = 48 << 20


@dataclass(frozen=True)
class SmallDisk:
    """A mounted tmpfs."""

    root: Path

    @property
    def free(self) -> int:
        found = os.statvfs(self.root)
        return found.f_bavail * found.f_frsize

    def fill(self, room: int) -> None:
        """Leave so many bytes."""
        # What others write meanwhile may leave less room than there was.
        with suppress(OSError), (self.root / "ballast").open("ab", buffering=0) as ballast:
            while (left := self.free - room) > 0:
                ballast.write(b"\0" * min(left, 1 << 20))

    def clear(self) -> None:
        (self.root / "ballast").unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk | None]:
    """A small disk in a new folder, None where mounting is not allowed."""
    folder.mkdir(parents=True)
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mount.returncode:
        yield None
        return
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)
