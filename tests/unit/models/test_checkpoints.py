"""Checkpoint files: what is written comes back, and a damaged or foreign one is noticed before it is used."""

import hashlib
import os
from pathlib import Path

import pytest
import torch

from db.errors import UserError
from precompute.models.checkpoints import (
    file_hash,
    load_progress,
    prefixed,
    read_checkpoint,
    save_progress,
    write_checkpoint,
)

KEY = "0123456789abcdef"


def flip_signs(path: Path, every: int = 1) -> None:
    """Turn the sign of float32 numbers in the second half of a file, which stays a readable checkpoint."""
    content = bytearray(path.read_bytes())
    for place in range(len(content) - 1, len(content) // 2, -4 * every):
        content[place] ^= 0x80
    path.write_bytes(content)


def test_tensors_and_header_come_back(tmp_path: Path) -> None:
    layer = torch.nn.Linear(3, 2)
    path = tmp_path / "deep" / "model.safetensors"
    header = {"classes": ["Mjölk", "Fil <b>"], "history": [{"epoch": 1, "loss": 0.1}]}
    written = write_checkpoint(path, prefixed("head", layer) | {"other": torch.ones(1)}, header, KEY)
    found = read_checkpoint(path, written)
    assert found.header == header
    assert (found.key, found.intact, found.sha256) == (KEY, True, file_hash(path))
    back = found.part("head")
    assert set(back) == {"weight", "bias"}
    assert torch.equal(back["weight"], layer.weight)


def test_tensors_of_every_type_and_shape_are_sealed(tmp_path: Path) -> None:
    weight = torch.rand(4, 4)
    shared = {"a": weight, "b": weight[:2], "c": weight.T}  # safetensors itself refuses what shares memory
    others = {"empty": torch.zeros(0, 3), "one": torch.tensor(3.0), "yes": torch.ones(2, dtype=torch.bool)}
    half = {"half": torch.ones(2, 2, dtype=torch.bfloat16), "count": torch.tensor([1, 2])}
    write_checkpoint(tmp_path / "m.safetensors", shared | others | half, {}, KEY)
    found = read_checkpoint(tmp_path / "m.safetensors")
    assert found.intact
    assert torch.equal(found.tensors["c"], weight.T)


def test_only_the_finished_file_is_left_and_others_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    write_checkpoint(path, {"a": torch.ones(2)}, {}, KEY)
    write_checkpoint(path, {"a": torch.zeros(2)}, {}, KEY)
    assert list(tmp_path.iterdir()) == [path]
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


def test_the_file_reaches_the_disk_before_its_name_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.safetensors"
    synced: list[tuple[str, bool]] = []

    def sync(handle: int) -> None:
        synced.append((Path(f"/proc/self/fd/{handle}").readlink().name, path.exists()))

    monkeypatch.setattr(os, "fsync", sync)
    write_checkpoint(path, {"a": torch.ones(2)}, {}, KEY)
    assert synced == [(f"m.safetensors.{os.getpid()}.part", False), (tmp_path.name, True)]


def test_a_full_disk_is_one_sentence_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.safetensors"
    write_checkpoint(path, {"a": torch.ones(2)}, {}, KEY)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"m\.safetensors: cannot be written \(No space left on device\)"):
        write_checkpoint(path, {"a": torch.zeros(2)}, {}, KEY)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == before


def test_the_same_content_has_the_same_hash(tmp_path: Path) -> None:
    tensors = {"x": torch.ones(2), "y": torch.zeros(1)}
    first = write_checkpoint(tmp_path / "a", tensors, {"k": 1, "j": 2}, KEY)
    assert write_checkpoint(tmp_path / "b", tensors, {"j": 2, "k": 1}, KEY) == first == file_hash(tmp_path / "a")
    assert write_checkpoint(tmp_path / "c", tensors, {"k": 1, "j": 3}, KEY) != first
    assert write_checkpoint(tmp_path / "d", tensors, {"k": 1, "j": 2}, "another key") != first


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a checkpoint at all",
        b"\x80\x04pickle",
        (2).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        (37).to_bytes(8, "little") + b'{"__metadata__": {"shelf_lens":"[1]"}}',
        (10**6).to_bytes(8, "little") + b"[" * 10**6,
    ],
)
def test_a_damaged_file_is_one_sentence_for_the_user(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"m\.safetensors: missing or damaged"):
        read_checkpoint(path)


def test_a_missing_file_is_one_sentence_for_the_user(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gone\.safetensors: missing"):
        read_checkpoint(tmp_path / "gone.safetensors")


def test_flipped_signs_are_noticed_by_the_hash_and_by_the_digest(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    sha256 = write_checkpoint(path, {"weight": torch.rand(100, 100)}, {"kind": "image"}, KEY)
    assert read_checkpoint(path).is_made_for(KEY)
    flip_signs(path)
    assert not read_checkpoint(path).is_made_for(KEY)
    with pytest.raises(UserError, match=r"m\.safetensors: damaged or not the one that was trained; run the train"):
        read_checkpoint(path, sha256)


def test_a_changed_header_is_noticed_and_another_key_is_another_file(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    write_checkpoint(path, {"weight": torch.ones(3)}, {"classes": ["milk", "sour"]}, KEY)
    assert not read_checkpoint(path).is_made_for("another key")
    path.write_bytes(path.read_bytes().replace(b"milk", b"silk"))
    assert not read_checkpoint(path).intact


def test_a_file_from_before_there_were_digests_is_read_and_proves_nothing(tmp_path: Path) -> None:
    from safetensors.torch import save

    path = tmp_path / "m.safetensors"
    path.write_bytes(save({"a": torch.ones(2)}, metadata={"shelf_lens": '{"kind": "image"}'}))
    found = read_checkpoint(path, hashlib.sha256(path.read_bytes()).hexdigest())
    assert (found.header, found.key, found.intact) == ({"kind": "image"}, None, False)


def trained(path: Path) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    module = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.1)
    one_step(module, optimizer)
    save_progress(path, module, optimizer, {"history": [1]}, KEY)
    return module, optimizer


def one_step(module: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    module(torch.ones(4, 3)).square().mean().backward()
    optimizer.step()


def test_progress_brings_back_module_and_optimizer(tmp_path: Path) -> None:
    module, optimizer = trained(tmp_path / "p")
    other = torch.nn.Linear(3, 2)
    other_optimizer = torch.optim.Adam(other.parameters(), lr=0.1)
    assert load_progress(tmp_path / "p", other, other_optimizer, KEY) == {"history": [1]}
    one_step(module, optimizer)
    one_step(other, other_optimizer)
    assert torch.equal(module.weight, other.weight)  # type: ignore[arg-type]


def test_progress_that_is_damaged_or_of_another_training_is_not_brought_back(tmp_path: Path) -> None:
    path = tmp_path / "p"
    trained(path)
    whole = path.read_bytes()
    other = torch.nn.Linear(3, 2)
    before = other.weight.clone()
    optimizer = torch.optim.Adam(other.parameters(), lr=0.1)
    assert load_progress(path, other, optimizer, "another key") is None
    for content in (b"", whole[:100], whole[:-7], b"\0" * len(whole)):
        path.write_bytes(content)
        assert load_progress(path, other, optimizer, KEY) is None
    path.write_bytes(whole)
    flip_signs(path)
    assert load_progress(path, other, optimizer, KEY) is None
    assert load_progress(tmp_path / "none", other, optimizer, KEY) is None
    assert torch.equal(other.weight, before)
