"""How a tower's forward is run: PyTorch or OpenVINO, in fixed, padded batches, so that no row depends on the others.

On a CPU a batch has CPU_ROWS rows whatever the recipe says: larger ones are no faster there, and so the batch size of
a recipe changes no number.
"""

from __future__ import annotations

import copy
import os
import platform
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

import torch
from filelock import FileLock
from torch import Tensor, nn

from db.errors import UserError
from precompute.models.centring import centre
from precompute.progress import say
from precompute.recipe import RuntimeSettings
from precompute.runtime_choices import read_choices, write_choices

Runtime = Literal["torch", "openvino"]
Precision = Literal["float32", "bfloat16"]
Forward = Callable[..., Tensor]

_OWN_THREADS = torch.get_num_threads()
"""PyTorch's number of threads before any model was loaded, which sets it."""

CPU_ROWS = 8
MIN_SPEEDUP = 1.5
"""So many times as fast must a way of computing be to be chosen, so that two runs choose alike."""
MIN_COSINE = 0.95
"""Between an embedding in bfloat16 and the same in float32: a guard against towers that bfloat16 breaks."""


@dataclass(frozen=True)
class Execution:
    """Where and how forwards are run; `threads` None = as many as the machine has."""

    runtime: Runtime = "torch"
    precision: Precision = "float32"
    batch_size: int = CPU_ROWS
    device: str = "cpu"
    threads: int | None = None


def make_forward(module: nn.Module, execution: Execution, example: tuple[Tensor, ...] | None = None) -> Forward:
    """A function of fixed-shape tensors that gives float32 on the CPU device or on the CUDA device asked for.

    Args:
        module: in float32; it stays as it is, and where and how its weights lie in memory changes no number.
        example: a batch to move channel means by (see centring), which OpenVINO in bfloat16 gains from.
    """
    if execution.runtime == "openvino":
        if example is not None and execution.precision == "bfloat16":
            # In another layout PyTorch sums in another order, and the means differ in their last bits.
            module = centre(laid_out(module, "cpu"), example)
        return OpenVinoForward(module, execution)
    return TorchForward(module, execution)


def laid_out(
    module: nn.Module, device: torch.device | str, layout: torch.memory_format = torch.contiguous_format
) -> nn.Module:
    """The module for forwards on a device: in eval mode, its weights in one layout; a copy unless it is so already.

    Args:
        layout: of weights with four dimensions. It is laid out anew from rows, since PyTorch leaves alone what fits two
            layouts (1x1 kernels), and yet computes by the strides that it finds.
    """
    device = torch.device(device)
    tensors = [*module.parameters(), *module.buffers()]
    training = any(part.training for part in module.modules())
    if not training and all(_is_laid_out(tensor, device, layout) for tensor in tensors):
        return module
    moved = copy.deepcopy(module).eval()
    with torch.no_grad():
        for tensor in [*moved.parameters(), *moved.buffers()]:
            tensor.data = torch.empty(tensor.shape, dtype=tensor.dtype, device=tensor.device).copy_(tensor)
    return moved.to(device, memory_format=layout)  # type: ignore[call-overload,no-any-return]


def _is_laid_out(tensor: Tensor, device: torch.device, layout: torch.memory_format) -> bool:
    """Whether a tensor is where `laid_out` would put it, stride by stride."""
    plain = torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")
    wanted = plain.to(memory_format=layout) if tensor.dim() == 4 else plain
    here = tensor.device.type == device.type and device.index in (None, tensor.device.index)
    return here and tensor.stride() == wanted.stride()


def run_padded(forward: Forward, inputs: tuple[Tensor, ...], rows: int) -> Tensor:
    """Run any number of rows in batches of exactly `rows`, the last one filled with zeros.

    Args:
        inputs: tensors with the same first dimension, at least 1.

    Returns:
        [n, d], bit-equal for a row whatever the others are.
    """
    pieces = []
    for start in range(0, len(inputs[0]), rows):
        batch = tuple(tensor[start : start + rows] for tensor in inputs)
        missing = rows - len(batch[0])
        if missing:
            batch = tuple(torch.cat([tensor, tensor.new_zeros(missing, *tensor.shape[1:])]) for tensor in batch)
        pieces.append(forward(*batch)[: rows - missing])
    return torch.cat(pieces)


class TorchForward:
    """The reference: PyTorch on any device, channels-last."""

    def __init__(self, module: nn.Module, execution: Execution) -> None:
        self._device = torch.device(execution.device)
        self._dtype = torch.bfloat16 if execution.precision == "bfloat16" else torch.float32
        self._module = laid_out(module, self._device, torch.channels_last)

    def __call__(self, *inputs: Tensor) -> Tensor:
        moved = [tensor.to(self._device) for tensor in inputs]
        moved = [t.contiguous(memory_format=torch.channels_last) if t.dim() == 4 else t for t in moved]
        reduced = torch.autocast(self._device.type, self._dtype, enabled=self._dtype is torch.bfloat16)
        with torch.no_grad(), reduced:
            return cast(Tensor, self._module(*moved)).float()


class OpenVinoForward:
    """OpenVINO on the CPU; one program a shape, compiled when that shape first comes."""

    def __init__(self, module: nn.Module, execution: Execution) -> None:
        self._module = laid_out(module, "cpu")
        self._options = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": "1",
            "INFERENCE_NUM_THREADS": str(execution.threads or os.cpu_count() or 1),
            "INFERENCE_PRECISION_HINT": "bf16" if execution.precision == "bfloat16" else "f32",
            # Pinned threads of several worker processes would all sit on the first cores.
            "ENABLE_CPU_PINNING": "NO",
        }
        self._programs: dict[tuple[tuple[tuple[int, ...], torch.dtype], ...], Any] = {}

    def __call__(self, *inputs: Tensor) -> Tensor:
        kinds = tuple((tuple(tensor.shape), tensor.dtype) for tensor in inputs)
        if kinds not in self._programs:
            self._programs[kinds] = self._compile(inputs)
        result = self._programs[kinds]([tensor.contiguous().numpy() for tensor in inputs])[0]
        return torch.from_numpy(result.copy())

    def _compile(self, inputs: tuple[Tensor, ...]) -> Any:
        """Trace in PyTorch and convert by the frontend itself, which sends nothing (see quiet_openvino)."""
        from precompute.models.quiet_openvino import FrontEndManager, TorchScriptPythonDecoder, core, openvino

        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            traced = torch.jit.trace(self._module, inputs, strict=False, check_trace=False)  # type: ignore[no-untyped-call]
            frontend = FrontEndManager().load_by_framework("pytorch")
            decoder = TorchScriptPythonDecoder(traced)  # the frontend keeps no reference of its own
            model = frontend.convert(frontend.load(decoder))
        for port, tensor in zip(model.inputs, inputs, strict=True):
            port.get_node().set_element_type(_element_type(openvino, tensor))
        model.reshape({port: list(tensor.shape) for port, tensor in zip(model.inputs, inputs, strict=True)})
        return core().compile_model(model, "CPU", self._options).create_infer_request().infer


def _element_type(openvino: Any, tensor: Tensor) -> Any:
    return {torch.int64: openvino.Type.i64, torch.uint8: openvino.Type.u8}.get(tensor.dtype, openvino.Type.f32)


def choose_execution(
    settings: RuntimeSettings,
    device: str,
    threads: int | None,
    cache: Path,
    trial: Callable[[], tuple[str, nn.Module, tuple[Tensor, ...]]],
) -> Execution:
    """What the recipe asks for; where it says `auto`, what is fastest on this machine, measured once.

    OpenVINO in float32 (on a GPU PyTorch) is what others must beat by MIN_SPEEDUP. bfloat16 is taken only where every
    embedding of the trial keeps a cosine of MIN_COSINE with PyTorch's float32. The answer is kept in `cache`, so
    that all workers and a resumed run compute in the same way and get the same numbers.

    Args:
        cache: a JSON file, written if need be, and anew where it is not what was written.
        trial: gives a name for the kind of tower, its module, and one padded batch.

    Raises:
        UserError: the cache cannot be read or written.
    """
    options = _options(settings, device, threads)
    if len(options) == 1:
        return options[0]
    name, module, batch = trial()
    kind = f"{name} | {tuple(batch[0].shape)} | {settings.runtime} {settings.precision}"
    key = f"{_processor() if device == 'cpu' else torch.cuda.get_device_name(device)} | {kind}"
    by_word = {f"{option.runtime} {option.precision}": option for option in options}
    try:
        known = (read_choices(cache) or {}).get(key)
        if known not in by_word:
            cache.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(cache.with_suffix(".lock")):  # of workers that start together one measures, the others read
                known = _measured(cache, key, by_word, module, batch)
    except OSError as error:
        raise UserError(
            f"{cache}: cannot be read or written ({error.strerror}); remove it, or let it be read and written"
        ) from error
    return by_word[known]


def fixed_execution(settings: RuntimeSettings, device: str, threads: int | None) -> Execution:
    """What the recipe asks for; where it says `auto`, OpenVINO on a CPU, PyTorch on a GPU, and float32.

    Training uses this: what is learned must not depend on what was measured, nor on how busy the machine was then.
    """
    return _options(settings, device, threads)[0]


@contextmanager
def own_threads() -> Iterator[None]:
    """PyTorch's own number of threads until the block ends: it changes the last bits of what is trained."""
    before = torch.get_num_threads()
    torch.set_num_threads(_OWN_THREADS)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _options(settings: RuntimeSettings, device: str, threads: int | None) -> list[Execution]:
    """What the recipe leaves open, the fixed choice first."""
    rows = CPU_ROWS if device == "cpu" else settings.batch_size
    runtimes = ("torch",) if device != "cpu" else _RUNTIMES if settings.runtime == "auto" else (settings.runtime,)
    precisions = _PRECISIONS if settings.precision == "auto" else (settings.precision,)
    return [Execution(r, p, rows, device, threads) for r in runtimes for p in precisions]


def _measured(
    cache: Path, key: str, by_word: Mapping[str, Execution], module: nn.Module, batch: tuple[Tensor, ...]
) -> str:
    """The word kept for `key`; measured, and kept from now on, where there is none that means anything."""
    kept = read_choices(cache)
    known = kept or {}
    if known.get(key) in by_word:
        return known[key]
    if kept is None or key in known:
        say(f"{cache}: damaged, or written by hand; the runtimes are measured anew")
    options = list(by_word.values())
    best = _worthwhile(options, replace(options[0], runtime="torch", precision="float32"), module, batch)
    known[key] = f"{best.runtime} {best.precision}"
    write_choices(cache, known)
    return known[key]


_RUNTIMES: tuple[Runtime, ...] = ("openvino", "torch")
_PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")


def _worthwhile(
    options: Sequence[Execution], reference: Execution, module: nn.Module, batch: tuple[Tensor, ...]
) -> Execution:
    """The first option, unless another is so much faster that the noise of a measurement cannot be the reason."""
    expected = make_forward(module, reference)(*batch).cpu()
    forwards: dict[Execution, Forward] = {}
    for option in options:
        forward = make_forward(module, option, batch)
        near = nn.functional.cosine_similarity(forward(*batch).cpu(), expected).min() >= MIN_COSINE
        if option.precision == "float32" or near or not forwards:
            forwards[option] = forward
    rounds = [{option: _seconds(forward, batch) for option, forward in forwards.items()} for _ in range(5)]
    seconds = {option: min(taken[option] for taken in rounds) for option in forwards}
    first = next(iter(forwards))
    fastest = min(seconds, key=seconds.__getitem__)
    return fastest if seconds[fastest] * MIN_SPEEDUP < seconds[first] else first


def _seconds(forward: Forward, batch: tuple[Tensor, ...]) -> float:
    start = time.perf_counter()
    forward(*batch).cpu()
    return time.perf_counter() - start


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
