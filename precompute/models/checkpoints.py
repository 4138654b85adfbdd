"""Checkpoints: safetensors files whose header holds all but the tensors as JSON, so that one replace is atomic."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from db.errors import UserError

_HEADER = "shelf_lens"


def write_checkpoint(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> None:
    """Write tensors and header in one file that is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    # A copy each: safetensors refuses tensors that share memory.
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    temporary.write_bytes(save(plain, metadata={_HEADER: json.dumps(header, sort_keys=True)}))
    temporary.replace(path)


def read_header(path: Path) -> dict[str, Any]:
    """What was stored beside the tensors.

    Raises:
        UserError: no such file, or not one of ours.
    """
    try:
        with safe_open(path, framework="pt") as opened:
            header: dict[str, Any] = json.loads((opened.metadata() or {})[_HEADER])
            return header
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise UserError(
            f"checkpoint {path}: missing or damaged ({error}); delete it and run the train stage"
        ) from error


def read_tensors(path: Path, prefix: str = "") -> dict[str, Tensor]:
    """The tensors whose names start with `prefix.`, that part taken off."""
    start = f"{prefix}." if prefix else ""
    return {name[len(start) :]: tensor for name, tensor in load_file(path).items() if name.startswith(start)}


def prefixed(prefix: str, module: nn.Module) -> dict[str, Tensor]:
    """A module's parameters and buffers with `prefix.` before each name."""
    return {f"{prefix}.{name}": tensor for name, tensor in module.state_dict().items()}


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def save_progress(path: Path, module: nn.Module, optimizer: torch.optim.Optimizer, header: dict[str, Any]) -> None:
    """Keep a training between two epochs: module, optimizer, and what the header says of the epochs done."""
    tensors = prefixed("module", module)
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
    write_checkpoint(path, tensors, header)


def load_progress(path: Path, module: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Put a training back where `save_progress` left it; gives the header."""
    header = read_header(path)
    module.load_state_dict(read_tensors(path, "module"))
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in read_tensors(path, "optimizer").items():
        index, _, key = name.partition(".")
        state.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return header
