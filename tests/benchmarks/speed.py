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

from precompute.dataset.samples import load_picture
from precompute.local_explanations import explain, stage
from precompute.local_explanations.masking import Answers, MaskedPicture
from precompute.models import towers
from precompute.models.dual_stream import TowersAndHead
from precompute.models.protocol import Model
from precompute.models.runtimes import Execution, Forward, make_forward
from precompute.models.towers import ImageTower, TextTower
from precompute.recipe import derive_seed
from tests.benchmarks.baselines import LIME_BATCH, ROWS, PlainModel, captum_lime, lime_parts, seconds
from tests.benchmarks.reference import Shop, Subject

ONE = "feature_concatenation"
BATCHES = (4, 8, 16, 32, 64)
MEASURED_SECONDS = 2


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
    print(f"\n{heading:42} {'mean':>8} {'times balanced, one model':>26}")
    for way, value in mean.items():
        print(f"{way:42} {value:8.2f} {value / mean['balanced, one model']:26.1f}")
    found = {"seconds": mean} | _stages(shop, subjects, fast)
    return found | {"best throughput": _throughput(fast, found["towers"], threads)}


def _plain(shop: Shop, threads: int) -> PlainModel:
    model = shop.models("float32", "torch")[ONE]
    assert isinstance(model, TowersAndHead)
    execution = Execution("torch", "float32", LIME_BATCH, "cpu", threads)
    return PlainModel(model, execution, execution)


def _ours(shop: Shop, subject: Subject, models: Mapping[str, Model]) -> explain.Explained:
    """What a worker does for a sample, from the file to the rows of the database."""
    recipe = shop.order.recipe
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
        mock.patch.object(Answers, "crossed", watch("fusion heads", Answers.crossed)),
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
    """Time per stage of one model alone and of three together, and what the towers did a second."""
    found: dict[str, Any] = {}
    for title, some in (("one model", {ONE: models[ONE]}), ("three models", dict(models))):
        taken: dict[str, float] = defaultdict(float)
        rows: dict[str, Counter[int]] = defaultdict(Counter)
        start = time.perf_counter()
        with _watched(taken, rows):
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
        found["towers"] = {name: {"seconds": taken[name], "rows": dict(counts)} for name, counts in rows.items()}
    return found


def _throughput(models: Mapping[str, Model], explaining: Mapping[str, Any], threads: int) -> dict[str, Any]:
    """What each tower did a second while explaining, beside the same rows alone, each length at its best batch size."""
    model = models[ONE]
    assert isinstance(model, TowersAndHead)
    found: dict[str, Any] = {}
    print(f"\n{'items a second':14} {'alone':>8} {'explaining':>11} {'share':>7}  rows by length (best batch)")
    for name, tower in (("image tower", model.image_tower), ("text tower", model.text_tower)):
        assert tower is not None
        rows = explaining[name]["rows"]
        best = {length: max((_rate(tower, length, batch, threads), batch) for batch in BATCHES) for length in rows}
        count = sum(rows.values())
        alone = count / sum(rows[length] / best[length][0] for length in rows)
        achieved = count / explaining[name]["seconds"]
        found[name] = {"alone": alone, "explaining": achieved, "share": achieved / alone}
        lengths = ", ".join(f"{length}: {rows[length]} ({best[length][1]})" for length in sorted(rows))
        print(f"{name:14} {alone:8.0f} {achieved:11.0f} {achieved / alone:7.1%}  {lengths}")
    return found


def _rate(tower: ImageTower | TextTower, length: int, batch: int, threads: int) -> float:
    """Rows a second, of pictures of that side or texts of that many tokens."""
    execution = replace(tower.execution, batch_size=batch, threads=threads)
    forward = make_forward(tower.backbone, execution)
    _, _, inputs = tower.trial()
    if inputs[0].dim() == 2:
        inputs = tuple(torch.ones(1, length, dtype=tensor.dtype) for tensor in inputs)
    rows = tuple(tensor[:1].expand(batch, *tensor.shape[1:]).contiguous() for tensor in inputs)
    forward(*rows)
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < MEASURED_SECONDS:
        forward(*rows)
        done += batch
    return done / (time.perf_counter() - start)
