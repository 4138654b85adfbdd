"""A web server as a process of its own: how long until it answers, and how much memory it holds."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

PROJECT = Path(__file__).parents[3]
START_SECONDS = 120


@dataclass(frozen=True)
class Server:
    """A running server; `ready` = seconds from its start to the first answer to a page."""

    address: str
    ready: float
    process: subprocess.Popen[bytes]

    def megabytes(self) -> float:
        """Resident memory now (Linux)."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def serving(module: str, database: Path) -> Iterator[Server]:
    """`python -m module --db ... --port ...` until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", module, "--db", f"sqlite:///{database}", "--port", str(port)]
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL)
    try:
        yield Server(address, _ready(process, address, started), process)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _ready(process: subprocess.Popen[bytes], address: str, started: float) -> float:
    while time.perf_counter() - started < START_SECONDS:
        if process.poll() is not None:
            break
        try:
            httpx.get(f"{address}/", timeout=START_SECONDS).raise_for_status()
        except httpx.TransportError:
            time.sleep(0.02)
        else:
            return time.perf_counter() - started
    process.kill()
    raise SystemExit(f"{' '.join(map(str, process.args))}: did not answer")  # type: ignore[arg-type]
