"""Checkpoints: safetensors files whose header holds all but the tensors as JSON, so that one replace is atomic."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from db.errors import UserError

_HEADER = "shelf_lens"
_LENGTH = 8
"""Bytes that a safetensors file begins with: the length of its own header, little-endian."""


@dataclass(frozen=True)
class StoredCheckpoint:
    """A checkpoint as the database knows it.

    Attributes:
        path: relative to the artifacts folder.
        sha256: of the file's bytes.
    """

    path: str
    sha256: str


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint held when its bytes were read, which is once: what was checked is what is used.

    Attributes:
        sha256: of the file's bytes.
        header: what was stored beside the tensors.
        key: what the file was made for; None in files written before there were keys.
        intact: whether the digest in the header is that of header and tensors; False too where there is none.
    """

    path: Path
    sha256: str
    header: dict[str, Any]
    tensors: dict[str, Tensor]
    key: str | None
    intact: bool

    def part(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose names start with `prefix.`, that part taken off."""
        start = f"{prefix}."
        return {name[len(start) :]: tensor for name, tensor in self.tensors.items() if name.startswith(start)}

    def is_made_for(self, key: str) -> bool:
        """Whether the file itself proves that it is whole and was made for this key."""
        return self.intact and self.key == key


def write_checkpoint(path: Path, tensors: dict[str, Tensor], header: dict[str, Any], key: str) -> str:
    """Write tensors and header in one file that is there whole or not at all, also after a loss of power.

    Args:
        key: what the file is made for, e.g. the hash of a training's settings.

    Returns:
        SHA-256 of the file's bytes.

    Raises:
        UserError: the file cannot be written, e.g. for lack of room; what was there before is still there.
    """
    # A copy each: safetensors refuses tensors that share memory.
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    sealed = {**header, "key": key}
    sealed["digest"] = _digest(plain, sealed)
    content = safetensors.torch.save(plain, metadata={_HEADER: json.dumps(sealed, sort_keys=True)})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, content)
    except OSError as error:
        raise UserError(
            f"checkpoint {path}: cannot be written ({error.strerror}); make room for it or let it be written, "
            "then run the same command again"
        ) from error
    return hashlib.sha256(content).hexdigest()


def read_checkpoint(path: Path, sha256: str | None = None) -> Checkpoint:
    """Read a checkpoint.

    Args:
        sha256: what the file's bytes must have; None = whatever is there, to be judged by the caller.

    Raises:
        UserError: no such file, not one of ours, or other bytes.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"checkpoint {path}: missing or not readable ({error.strerror}); run the train stage, which trains it anew"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if sha256 is not None and found != sha256:
        raise UserError(
            f"checkpoint {path}: damaged or not the one that was trained; run the train stage, which trains it anew"
        )
    try:
        header = _header(content)
        tensors = safetensors.torch.load(content)
    except (SafetensorError, KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(
            f"checkpoint {path}: missing or damaged ({error}); run the train stage, which trains it anew"
        ) from error
    digest = header.pop("digest", None)
    intact = digest == _digest(tensors, header)
    return Checkpoint(path, found, header, tensors, header.pop("key", None), intact)


def prefixed(prefix: str, module: nn.Module) -> dict[str, Tensor]:
    """A module's parameters and buffers with `prefix.` before each name."""
    return {f"{prefix}.{name}": tensor for name, tensor in module.state_dict().items()}


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def save_progress(
    path: Path, module: nn.Module, optimizer: torch.optim.Optimizer, header: dict[str, Any], key: str
) -> None:
    """Keep a training between two epochs: module, optimizer, and what the header says of the epochs done."""
    tensors = prefixed("module", module)
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
    write_checkpoint(path, tensors, header, key)


def load_progress(path: Path, module: nn.Module, optimizer: torch.optim.Optimizer, key: str) -> dict[str, Any] | None:
    """Put a training back where `save_progress` left it.

    Returns:
        The header; None, and nothing is put back, where there is no such file or it is damaged or another training's.
    """
    try:
        found = read_checkpoint(path)
    except UserError:
        return None
    if not found.is_made_for(key):
        return None
    module.load_state_dict(found.part("module"))
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in found.part("optimizer").items():
        index, _, quantity = name.partition(".")
        state.setdefault(int(index), {})[quantity] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return found.header


def _header(content: bytes) -> dict[str, Any]:
    """What lies beside the tensors in a file's bytes; any of several errors where they are not a checkpoint's."""
    length = int.from_bytes(content[:_LENGTH], "little")
    metadata = json.loads(content[_LENGTH : _LENGTH + length])["__metadata__"]
    header = json.loads(metadata[_HEADER])
    if not isinstance(header, dict):
        raise ValueError("its header is not a table")
    return header


def _digest(tensors: dict[str, Tensor], header: dict[str, Any]) -> str:
    """SHA-256 over names, types, shapes and bytes of the tensors in the order of their names, and over the header."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        # As bytes, since numpy has no bfloat16.
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _replace(path: Path, content: bytes) -> None:
    """Put a file in a path's place, on the disk itself before this returns."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if hasattr(os, "O_DIRECTORY"):  # Windows has no way to sync a folder, and needs none
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)  # or a loss of power could undo the rename
        finally:
            os.close(folder)
