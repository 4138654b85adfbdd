"""How long one explanation takes, beside the lime package's own parts and captum, and where the time goes."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import torch

from db.plain_table import table
from precompute.local_explanations import explain, stage
from precompute.local_explanations.masking import EmbeddingCache, MaskedPicture
from precompute.models import towers
from precompute.models.dual_stream import TowersAndHead
from precompute.models.protocol import Model
from precompute.models.runtimes import Execution, Forward, make_forward
from precompute.models.towers import ImageTower, TextTower
from precompute.recipe import derive_seed
from tests.benchmarks.baselines import LIME_BATCH, ROWS, PlainModel, captum_lime, lime_parts, seconds
from tests.benchmarks.reference import Shop, Subject
from tests.decoded import load_picture

ONE = "feature_concatenation"
BATCHES = (4, 8, 16, 32, 64)
MEASURED_SECONDS = 1
TURNS = 7


def speed(shop: Shop, subjects: Sequence[Subject]) -> dict[str, Any]:
    """Print and return seconds an explained prediction, by way of making it; all in this process, same threads."""
    threads = torch.get_num_threads()
    plain, fast = _plain(shop, threads), shop.models("auto")
    model = fast[ONE]
    assert isinstance(model, TowersAndHead) and model.image_tower is not None and model.text_tower is not None
    with_runtime = PlainModel(
        model, replace(model.image_tower.execution, batch_size=LIME_BATCH), model.text_tower.execution
    )
    batch = min((8, 32, 64), key=lambda size: seconds(lambda: captum_lime(subjects[0], plain, 2 * 64, 0, size)))
    taken: dict[str, list[float]] = defaultdict(list)
    for warm_up in subjects[:1]:
        lime_parts(warm_up, with_runtime, 100, 0)
    for subject in subjects:
        _ours(shop, subject, fast)  # compiles a program for lengths of text that come for the first time
        seed = derive_seed("speed", subject.sample.path)
        ways: dict[str, Callable[[], object]] = {
            "lime's parts, PyTorch": lambda s=subject, n=seed: lime_parts(s, plain, ROWS, n),
            "lime's parts, our runtime": lambda s=subject, n=seed: lime_parts(s, with_runtime, ROWS, n),
            f"captum Lime, batch {batch}": lambda s=subject, n=seed: captum_lime(s, plain, ROWS, n, batch),
            "balanced, one model": lambda s=subject: _ours(shop, s, {ONE: fast[ONE]}),
            "balanced, three models, each": lambda s=subject: _ours(shop, s, fast),
        }
        for way, work in ways.items():
            taken[way].append(seconds(work) / (len(fast) if "three" in way else 1))
        print(f"timed {subject.sample.path}", flush=True)
    mean = {way: float(np.mean(times)) for way, times in taken.items()}
    heading = f"seconds an explained prediction, {threads} threads"
    one = mean["balanced, one model"]
    rows = [(way, f"{value:.2f}", f"{value / one:.1f}") for way, value in mean.items()]
    print(f"\n{table([(heading, 'mean', 'times balanced, one model'), *rows], '<>>')}")
    found = {"seconds": mean} | _stages(shop, subjects, fast)
    return found | {"share of best throughput": _throughput(shop, subjects, model, threads)}


def _plain(shop: Shop, threads: int) -> PlainModel:
    model = shop.models("float32", "torch")[ONE]
    assert isinstance(model, TowersAndHead)
    execution = Execution("torch", "float32", LIME_BATCH, "cpu", threads)
    return PlainModel(model, execution, execution)


def _ours(shop: Shop, subject: Subject, models: Mapping[str, Model]) -> explain.Explained:
    """What a worker does for a sample, from the file to the rows of the database."""
    recipe = shop.options.recipe
    picture = load_picture(subject.sample.picture, recipe.towers.image_size)
    return explain.explain_sample(
        models,
        path=subject.sample.path,
        label=subject.sample.label,
        picture=picture,
        label_map=stage.segment(picture, recipe.explain),
        entries=list(subject.sample.entries),
        readable=subject.entries,
        settings=recipe.explain,
        run_seed=recipe.seed,
        batch_size=recipe.runtime.batch_size,
        device=torch.device("cpu"),
    )


@contextmanager
def _watched(taken: dict[str, float], rows: dict[str, Counter[int]]) -> Iterator[None]:
    """Adds up the time inside each stage, which do not nest, and each tower's rows by their length."""

    def watch(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **named: Any) -> Any:
            start = time.perf_counter()
            answer = work(*args, **named)
            taken[name] += time.perf_counter() - start
            return answer

        return timed

    def forwards(forward: Forward, inputs: tuple[torch.Tensor, ...], size: int) -> torch.Tensor:
        name = "image tower" if inputs[0].dim() == 4 else "text tower"
        rows[name][inputs[0].shape[-1]] += len(inputs[0])
        return watch(name, run_padded)(forward, inputs, size)

    run_padded = towers.run_padded
    patches = [
        mock.patch.object(towers, "run_padded", forwards),
        mock.patch.object(stage, "segment", watch("superpixels", stage.segment)),
        mock.patch.object(explain, "crossed_design", watch("design", explain.crossed_design)),
        mock.patch.object(MaskedPicture, "compose", watch("masked pictures", MaskedPicture.compose)),
        mock.patch.object(TextTower, "token_ids", watch("tokens", TextTower.token_ids)),
        mock.patch.object(EmbeddingCache, "crossed", watch("fusion heads", EmbeddingCache.crossed)),
        mock.patch.object(explain, "fit", watch("surrogate", explain.fit)),
    ]
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()


def _stages(shop: Shop, subjects: Sequence[Subject], models: Mapping[str, Model]) -> dict[str, Any]:
    """Time per stage of one model alone and of three together."""
    found: dict[str, Any] = {}
    for title, some in (("one model", {ONE: models[ONE]}), ("three models", dict(models))):
        taken: dict[str, float] = defaultdict(float)
        start = time.perf_counter()
        with _watched(taken, defaultdict(Counter)):
            for subject in subjects:
                _ours(shop, subject, some)
        total = time.perf_counter() - start
        taken["the rest"] = total - sum(taken.values())
        inside = (taken["image tower"] + taken["text tower"]) / total
        print(f"\n{title}: milliseconds a sample; {inside:.1%} of the time inside tower forwards")
        for name, value in sorted(taken.items(), key=lambda pair: -pair[1]):
            print(f"  {name:18} {1000 * value / len(subjects):8.1f}  {value / total:6.1%}")
        found[title] = {
            "inside towers": inside,
            "milliseconds": {name: 1000 * value / len(subjects) for name, value in taken.items()},
        }
    return found


def _throughput(shop: Shop, subjects: Sequence[Subject], model: TowersAndHead, threads: int) -> dict[str, Any]:
    """What the towers need for their rows alone, at the best batch size of each length, as a share of what they took.

    Explaining and running alone take turns, since the machine's speed varies; shares are medians over the turns.
    """
    alone = {"image tower": _Alone(model.image_tower, threads), "text tower": _Alone(model.text_tower, threads)}
    turns: list[tuple[dict[str, float], dict[str, Counter[int]], dict[tuple[str, int, int], float]]] = []
    for turn in range(TURNS):
        subject = subjects[turn % len(subjects)]
        taken: dict[str, float] = defaultdict(float)
        rows: dict[str, Counter[int]] = defaultdict(Counter)
        with _watched(taken, rows):
            _ours(shop, subject, {ONE: model})
        kinds = [(name, length, batch) for name in rows for length in rows[name] for batch in BATCHES]
        turns.append((taken, rows, {kind: alone[kind[0]].rate(*kind[1:]) for kind in kinds}))
    rates: dict[tuple[str, int], dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for _, _, found in turns:
        for (name, length, batch), rate in found.items():
            rates[name, length][batch].append(rate)
    best = {kind: max(some, key=lambda batch: float(np.median(some[batch]))) for kind, some in rates.items()}

    def share(names: Sequence[str]) -> float:
        shares = [
            sum(rows[name][length] / found[name, length, best[name, length]] for name in names for length in rows[name])
            / sum(taken[name] for name in names)
            for taken, rows, found in turns
            if any(rows[name] for name in names)
        ]
        return float(np.median(shares))

    shares = {"both towers": share(list(alone))} | {name: share([name]) for name in alone}
    print("\ntime alone, at the best batch size, as a share of the time while explaining")
    for name, value in shares.items():
        lengths = ", ".join(f"{kind[1]}: {best[kind]}" for kind in sorted(best) if kind[0] == name)
        print(f"  {name:14} {value:7.1%}  {lengths and f'best batch by length {lengths}'}")
    return shares


class _Alone:
    """A tower on rows of one length, again and again."""

    def __init__(self, tower: ImageTower | TextTower | None, threads: int) -> None:
        assert tower is not None
        self._tower = tower
        self._threads = threads
        self._forwards: dict[int, Forward] = {}

    def rate(self, length: int, batch: int) -> float:
        """Rows a second, of pictures of that side or texts of that many tokens."""
        if batch not in self._forwards:
            execution = replace(self._tower.execution, batch_size=batch, threads=self._threads)
            self._forwards[batch] = make_forward(self._tower.backbone, execution)
        forward = self._forwards[batch]
        _, _, inputs = self._tower.trial()
        if inputs[0].dim() == 2:
            inputs = tuple(torch.ones(1, length, dtype=tensor.dtype) for tensor in inputs)
        rows = tuple(tensor[:1].expand(batch, *tensor.shape[1:]).contiguous() for tensor in inputs)
        forward(*rows)  # compiles it, the first time
        start, done = time.perf_counter(), 0
        while time.perf_counter() - start < MEASURED_SECONDS:
            forward(*rows)
            done += batch
        return done / (time.perf_counter() - start)
