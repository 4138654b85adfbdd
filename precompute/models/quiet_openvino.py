"""OpenVINO without its telemetry: importing it as it comes reports the import to another host."""

from __future__ import annotations

import functools
import sys

# `openvino.tools.ovc` sends an event on import and on every conversion unless `openvino_telemetry` cannot be imported:
# then it falls back to its own stub (openvino/tools/ovc/telemetry_utils.py). None makes that import fail.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino  # noqa: E402
from openvino.frontend import FrontEndManager  # noqa: E402
from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder  # noqa: E402

__all__ = ["FrontEndManager", "TorchScriptPythonDecoder", "core", "openvino"]


@functools.cache
def core() -> openvino.Core:
    """The process's only Core: several, freed in any order at exit, can end the process with a segmentation fault."""
    return openvino.Core()
