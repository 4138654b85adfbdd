"""Commands forked from a process that has imported everything: real processes, four seconds of imports sooner."""

from __future__ import annotations

import multiprocessing
import os
import runpy
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PRELOADED = (
    "precompute.__main__",
    "precompute.pipeline",
    "precompute.stored_run",
    "precompute.dataset.ingest",
    "precompute.models.train",
    "precompute.models.predict",
    "precompute.models.quiet_openvino",
    "precompute.local_explanations.stage",
    "precompute.global_explanations.ranking",
    "precompute.activation_maps.class_stage",
    "precompute.evaluation.run",
    "transformers.models.distilbert.modeling_distilbert",
    "transformers.models.resnet.modeling_resnet",
    "alembic.command",
    "psycopg",
)
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(list(PRELOADED))


class WarmProcess:
    """As much of `subprocess.Popen` as is needed, for `python -m precompute`."""

    def __init__(self, arguments: Sequence[str], folder: Path, log: Path) -> None:
        self._process = _context.Process(target=_command, args=(list(arguments), folder, log))
        self._process.start()
        self.pid = self._process.pid or 0

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Raises:
        TimeoutExpired: it has not ended.
        """
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("precompute", timeout or 0)
        return self._process.exitcode


def _command(arguments: list[str], folder: Path, log: Path) -> None:
    os.setsid()
    os.chdir(folder)
    nothing, said = os.open(os.devnull, os.O_RDWR), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number, target in ((0, nothing), (1, nothing), (2, said)):
        os.dup2(target, number)
    sys.stdin, sys.stdout, sys.stderr = (open(number, mode) for number, mode in ((0, "r"), (1, "w"), (2, "w")))  # noqa: PTH123, SIM115
    sys.argv = ["precompute", *arguments]
    runpy.run_module("precompute", run_name="__main__", alter_sys=True)
