"""Checkpoint files: what is written comes back, and a damaged one is named in one sentence."""

import os
from pathlib import Path

import pytest
import torch

from db.errors import UserError
from precompute.models.checkpoints import (
    file_hash,
    load_progress,
    prefixed,
    read_header,
    read_tensors,
    save_progress,
    write_checkpoint,
)


def test_tensors_and_header_come_back(tmp_path: Path) -> None:
    layer = torch.nn.Linear(3, 2)
    path = tmp_path / "deep" / "model.safetensors"
    header = {"classes": ["Mjölk", "Fil <b>"], "history": [{"epoch": 1, "loss": 0.1}]}
    write_checkpoint(path, prefixed("head", layer) | {"other": torch.ones(1)}, header)
    assert read_header(path) == header
    back = read_tensors(path, "head")
    assert set(back) == {"weight", "bias"}
    assert torch.equal(back["weight"], layer.weight)


def test_tensors_that_share_memory_are_written(tmp_path: Path) -> None:
    weight = torch.rand(4, 4)
    write_checkpoint(tmp_path / "m.safetensors", {"a": weight, "b": weight[:2], "c": weight.T}, {})
    assert torch.equal(read_tensors(tmp_path / "m.safetensors")["c"], weight.T)


def test_only_the_finished_file_is_left_and_others_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    write_checkpoint(path, {"a": torch.ones(2)}, {})
    write_checkpoint(path, {"a": torch.zeros(2)}, {})
    assert list(tmp_path.iterdir()) == [path]
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


def test_the_same_content_has_the_same_hash(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_checkpoint(tmp_path / name, {"x": torch.ones(2), "y": torch.zeros(1)}, {"k": 1, "j": 2})
    write_checkpoint(tmp_path / "c", {"x": torch.ones(2), "y": torch.zeros(1)}, {"k": 1, "j": 3})
    assert file_hash(tmp_path / "a") == file_hash(tmp_path / "b") != file_hash(tmp_path / "c")


@pytest.mark.parametrize("content", [b"", b"not a checkpoint at all", b"\x80\x04pickle"])
def test_a_damaged_file_is_one_sentence_for_the_user(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"m\.safetensors: missing or damaged"):
        read_header(path)


def test_a_missing_file_is_one_sentence_for_the_user(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gone\.safetensors: missing or damaged"):
        read_header(tmp_path / "gone.safetensors")


def test_progress_brings_back_module_and_optimizer(tmp_path: Path) -> None:
    def one_step(module: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
        optimizer.zero_grad()
        module(torch.ones(4, 3)).square().mean().backward()
        optimizer.step()

    torch.manual_seed(0)
    module = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.1)
    one_step(module, optimizer)
    save_progress(tmp_path / "p", module, optimizer, {"history": [1]})
    other = torch.nn.Linear(3, 2)
    other_optimizer = torch.optim.Adam(other.parameters(), lr=0.1)
    assert load_progress(tmp_path / "p", other, other_optimizer) == {"history": [1]}
    one_step(module, optimizer)
    one_step(other, other_optimizer)
    assert torch.equal(module.weight, other.weight)
