"""OpenVINO must not report to anybody that it was imported or that a model was converted."""

import subprocess
import sys

import pytest
import torch

from precompute.models import quiet_openvino
from precompute.models.runtimes import Execution, make_forward

pytestmark = pytest.mark.slow

CODE = """
import socket
def refuse(*arguments, **options):
    print("LOOKED UP", arguments[0])
    raise OSError("no network in this test")
socket.getaddrinfo = refuse
import torch
from precompute.models.runtimes import Execution, make_forward
forward = make_forward(torch.nn.Linear(3, 2), Execution("openvino", threads=1))
print(tuple(forward(torch.ones(4, 3)).shape))
import sys
print(type(sys.modules["openvino.tools.ovc"].telemetry).__module__)
print(sys.modules["openvino_telemetry"])
"""


def test_importing_and_converting_uses_the_stub_and_looks_up_no_host() -> None:
    answer = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines() == ["(4, 2)", "openvino.tools.ovc.telemetry_stub", "None"]


def test_all_programs_of_a_process_come_from_one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    real = quiet_openvino.openvino.Core

    def count() -> object:
        made.append(1)
        return real()

    quiet_openvino.core.cache_clear()
    monkeypatch.setattr(quiet_openvino.openvino, "Core", count)
    for module in (torch.nn.Linear(3, 2), torch.nn.Linear(3, 4)):
        forward = make_forward(module, Execution("openvino", threads=1))
        forward(torch.ones(4, 3))
        forward(torch.ones(2, 3))
    assert len(made) == 1
