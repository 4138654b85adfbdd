"""Runtimes: the same numbers from PyTorch and OpenVINO, and rows that do not depend on their company."""

import copy
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from db.errors import UserError
from precompute.models import runtimes
from precompute.models.centring import centre
from precompute.models.runtimes import (
    CPU_ROWS,
    Execution,
    choose_execution,
    fixed_execution,
    laid_out,
    make_forward,
    run_padded,
)
from precompute.models.tower_loading import image_tower
from precompute.recipe import ImageTowerSettings, RuntimeSettings

RUNTIMES = ("torch", "openvino")


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 37, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    ).eval()  # fmt: skip


def pictures(count: int) -> Tensor:
    return torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_runtime_gives_what_plain_pytorch_gives(runtime: str, precision: str) -> None:
    module = network()
    with torch.no_grad():
        expected = module(pictures(8))
    forward = make_forward(module, Execution(runtime, precision, 8, threads=1))  # type: ignore[arg-type]
    answer = forward(pictures(8))
    assert answer.dtype == torch.float32
    assert torch.allclose(answer, expected, atol=1e-5 if precision == "float32" else 3e-2)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_row_is_bit_equal_in_any_company_and_order(runtime: str, threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        forward = make_forward(network(), Execution(runtime, "float32", 8, threads=threads))  # type: ignore[arg-type]
        images = pictures(21)
        together = run_padded(forward, (images,), 8)
        alone = torch.cat([run_padded(forward, (images[row : row + 1],), 8) for row in range(21)])
        order = torch.randperm(21, generator=torch.Generator().manual_seed(0))
        shuffled = run_padded(forward, (images[order],), 8)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(together, alone)
    assert torch.equal(together[order], shuffled)


def test_padding_asks_for_full_batches_only_and_gives_back_the_rows_put_in() -> None:
    seen = []

    def double(rows: Tensor) -> Tensor:
        seen.append(len(rows))
        return rows * 2

    rows = torch.arange(10.0).reshape(5, 2)
    assert torch.equal(run_padded(double, (rows,), 3), rows * 2)
    assert seen == [3, 3]


def test_inputs_of_another_shape_are_compiled_anew() -> None:
    forward = make_forward(nn.Linear(4, 2), Execution("openvino", threads=1))
    assert forward(torch.ones(2, 4)).shape == (2, 2)
    assert forward(torch.ones(5, 4)).shape == (5, 2)


def test_a_picture_in_bytes_is_the_same_picture() -> None:
    tower = image_tower(ImageTowerSettings(name="tiny"), 32, 0)
    pictures = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    for runtime in RUNTIMES:
        tower.run_with(Execution(runtime, threads=1))  # type: ignore[arg-type]
        assert torch.allclose(tower.embed(pictures), tower.embed(pictures.float() / 255), atol=1e-5)


def test_the_fastest_way_is_measured_once_and_remembered(tmp_path: Path) -> None:
    cache = tmp_path / "artifacts" / "runtimes.json"
    asked = []

    def trial() -> tuple[str, nn.Module, tuple[Tensor, ...]]:
        asked.append(1)
        return "small network", network(), (pictures(4),)

    settings = RuntimeSettings(runtime="auto", precision="auto")
    first = choose_execution(settings, "cpu", 1, cache, trial)
    assert first.runtime in RUNTIMES
    (key,) = json.loads(cache.read_text())
    for other in RUNTIMES:  # what is written there is believed, whatever a new measurement would say
        for precision in ("float32", "bfloat16"):
            cache.write_text(json.dumps({key: f"{other} {precision}"}))
            chosen = choose_execution(settings, "cpu", 1, cache, trial)
            assert (chosen.runtime, chosen.precision) == (other, precision)


def test_workers_that_start_together_choose_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[int] = []

    def slowly(options: Sequence[Execution], *_: object) -> Execution:
        measured.append(1)
        time.sleep(0.3)
        return options[len(measured) - 1]  # another answer each time, as under load

    monkeypatch.setattr(runtimes, "_worthwhile", slowly)
    settings = RuntimeSettings(runtime="auto", precision="auto")
    ask = partial(choose_execution, settings, "cpu", 1, tmp_path / "r.json", lambda: ("n", network(), (pictures(4),)))
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(lambda _: ask(), range(2))
    assert first == second
    assert len(measured) == 1


def test_bfloat16_is_not_chosen_where_it_changes_the_embeddings(tmp_path: Path) -> None:
    class Cancelling(nn.Module):
        """Differences of nearly equal numbers, which bfloat16 cannot tell apart."""

        def forward(self, rows: Tensor) -> Tensor:
            return (rows + 1000) @ torch.eye(16) @ torch.eye(16) - 1000

    def trial() -> tuple[str, nn.Module, tuple[Tensor, ...]]:
        return "cancelling", Cancelling(), (torch.rand(8, 16, generator=torch.Generator().manual_seed(0)) - 0.5,)

    settings = RuntimeSettings(runtime="torch", precision="auto")
    assert choose_execution(settings, "cpu", 1, tmp_path / "r.json", trial).precision == "float32"


def test_what_the_recipe_names_is_not_measured(tmp_path: Path) -> None:
    def never() -> tuple[str, nn.Module, tuple[Tensor, ...]]:
        raise AssertionError("measured")

    settings = RuntimeSettings(runtime="openvino", precision="bfloat16", batch_size=4)
    chosen = choose_execution(settings, "cpu", 3, tmp_path / "r.json", never)
    assert chosen == Execution("openvino", "bfloat16", CPU_ROWS, "cpu", 3)
    on_gpu = choose_execution(settings, "cuda", None, tmp_path / "r.json", never)
    assert (on_gpu.runtime, on_gpu.batch_size) == ("torch", 4)


@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2]", b"\xff\xfe", b"[" * 100000, b'{"a": 1}', b"null"])
def test_a_cache_that_is_no_cache_is_told_and_measured_anew(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = tmp_path / "r.json"
    ask = partial(
        choose_execution,
        RuntimeSettings(runtime="torch", precision="auto"),
        "cpu",
        1,
        cache,
        lambda: ("n", network(), (pictures(4),)),
    )
    cache.write_bytes(content)
    chosen = ask()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{cache}: damaged")
    assert list(json.loads(cache.read_text()).values()) == [f"torch {chosen.precision}"]
    assert ask() == chosen
    assert capsys.readouterr().err == ""


def test_unknown_words_are_measured_anew_and_others_are_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = tmp_path / "r.json"
    settings = RuntimeSettings(runtime="torch", precision="auto")
    ask = partial(choose_execution, settings, "cpu", 1, cache, lambda: ("n", network(), (pictures(4),)))
    ask()
    (key,) = json.loads(cache.read_text())
    cache.write_text(json.dumps({key: "openvino int8", "another processor": "torch float32"}))
    chosen = ask()
    assert "damaged, or written by hand" in capsys.readouterr().err
    expected = {key: f"torch {chosen.precision}", "another processor": "torch float32"}
    assert json.loads(cache.read_text()) == expected


def test_a_cache_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "r.json").mkdir()
    settings = RuntimeSettings(runtime="torch", precision="auto")
    with pytest.raises(UserError, match=r"r\.json: cannot be read or written \(Is a directory\)"):
        choose_execution(settings, "cpu", 1, tmp_path / "r.json", lambda: ("n", network(), (pictures(4),)))


def test_where_nothing_may_be_measured_the_choice_is_fixed() -> None:
    auto = RuntimeSettings(runtime="auto", precision="auto", batch_size=4)
    assert fixed_execution(auto, "cpu", 2) == Execution("openvino", "float32", CPU_ROWS, "cpu", 2)
    assert fixed_execution(auto, "cuda", None) == Execution("torch", "float32", 4, "cuda", None)
    said = RuntimeSettings(runtime="torch", precision="bfloat16")
    assert fixed_execution(said, "cpu", None) == Execution("torch", "bfloat16", CPU_ROWS)


def layout(module: nn.Module) -> list[tuple[object, ...]]:
    return [(name, t.data_ptr(), t.stride(), t.device) for name, t in module.state_dict(keep_vars=True).items()]


@pytest.mark.parametrize("training", [False, True])
def test_forwards_and_trials_leave_the_module_as_it_is(tmp_path: Path, training: bool) -> None:
    module = network().train(training)
    before, weights = layout(module), copy.deepcopy(module.state_dict())
    for runtime in RUNTIMES:
        for precision in ("float32", "bfloat16"):
            execution = Execution(runtime, precision, 8, threads=1)  # type: ignore[arg-type]
            make_forward(module, execution, (pictures(8),))(pictures(8))
    settings = RuntimeSettings(runtime="auto", precision="auto")
    choose_execution(settings, "cpu", 1, tmp_path / "r.json", lambda: ("n", module, (pictures(4),)))
    assert layout(module) == before
    assert module.training == training
    assert all(torch.equal(weights[name], tensor) for name, tensor in module.state_dict().items())


def test_what_was_done_with_the_module_before_changes_no_number() -> None:
    untouched, touched = off_centre(), off_centre()
    touched.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    example = (pictures(8),)
    for first, second in zip(
        centre(laid_out(untouched, "cpu"), example).state_dict().values(),
        centre(laid_out(touched, "cpu"), example).state_dict().values(),
        strict=True,
    ):
        assert torch.equal(first, second)
    for runtime in RUNTIMES:
        for precision in ("float32", "bfloat16"):
            execution = Execution(runtime, precision, 8, threads=1)  # type: ignore[arg-type]
            answers = [make_forward(module, execution, example)(pictures(8)) for module in (untouched, touched)]
            assert torch.equal(*answers)


def off_centre() -> nn.Module:
    """A network whose 1x1 convolution is centred, so that the layout that means are measured in matters."""
    torch.manual_seed(0)
    first, second = nn.Conv2d(3, 16, 3), nn.Conv2d(16, 32, 1)
    with torch.no_grad():
        assert first.bias is not None
        first.bias += 30
    return nn.Sequential(first, second, nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()


def test_a_layout_is_made_stride_by_stride_and_only_where_it_is_not_there() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 1), nn.Linear(5, 2)).eval()
    assert laid_out(module, "cpu") is module
    last = laid_out(module, "cpu", torch.channels_last)
    assert last is not module
    assert laid_out(last, "cpu", torch.channels_last) is last
    back = laid_out(last, "cpu")
    strides = [[parameter.stride() for parameter in one.parameters()] for one in (module, back)]
    assert strides[0] == strides[1]
    nowhere = laid_out(module, "meta", torch.channels_last)
    assert {parameter.device.type for parameter in nowhere.parameters()} == {"meta"}
    odd = copy.deepcopy(module)
    weight = odd[1].weight  # type: ignore[index]
    weight.data = weight.data.as_strided((5, 4, 1, 1), (4, 1, 4, 4))  # fits both layouts, computes as channels-last
    assert laid_out(odd, "cpu")[1].weight.stride() == (4, 1, 1, 1)  # type: ignore[index]
