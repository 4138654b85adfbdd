"""How near each sampler comes to a long reference, on real pictures and trained models.

python -m tests.benchmarks.explain --db sqlite:///grocery.db --pictures 30

The reference of a picture is `--reference` independent image masks, each crossed with 16 independent text masks; it
is kept in tests/benchmarks/output and taken up again. Errors are those of the predicted class's weights. `covered` is
the share of weights whose two standard errors (the reference's own added) reach the reference.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from db.session import open_read_only
from precompute.dataset.choice import choose_samples
from precompute.dataset.samples import LabelledSample, load_picture, stored_samples
from precompute.local_explanations.balanced import ReplicatedDesign, crossed_design
from precompute.local_explanations.masking import Evaluator, MaskedPicture
from precompute.local_explanations.replicated_surrogate import fit_replicated
from precompute.local_explanations.sampling import Design, lime_design
from precompute.local_explanations.segments import segment
from precompute.local_explanations.surrogate import Surrogate, fit_lime
from precompute.models.protocol import Model
from precompute.models.stage import load_stored
from precompute.models.text import cut_entries
from precompute.recipe import FUSIONS, derive_seed
from precompute.stored_run import latest_order

OUTPUT = Path(__file__).parent / "output"
BLOCK, TEXTS = 250, 16


@dataclass(frozen=True)
class Fitted:
    """Weights [d] of the predicted class with their standard errors, where the sampler gives them."""

    weights: np.ndarray
    errors: np.ndarray | None


class Bench:
    """One picture, ready to be explained by any design."""

    def __init__(self, sample: LabelledSample, models: Mapping[str, Model], order) -> None:  # type: ignore[no-untyped-def]
        self.settings = order.recipe.explain
        picture = load_picture(sample.picture, order.recipe.towers.image_size)
        self.label_map = segment(picture, self.settings)
        self.entries = cut_entries(list(sample.entries), order.recipe.towers.text.max_words)
        self.shape = (int(self.label_map.max()) + 1, len(self.entries))
        self._masked = MaskedPicture(picture, self.label_map, self.settings.fill, torch.device("cpu"))
        self._evaluator = Evaluator(models, order.recipe.runtime.batch_size, torch.device("cpu"))

    def fit(self, design: Design | ReplicatedDesign) -> dict[str, Fitted]:
        """The predicted class's surrogate of each model."""
        rows = np.concatenate([[(0, 0)], design.rows])
        answers = self._evaluator.probabilities(self._masked, self.entries, design.image_masks, design.text_masks, rows)
        fitted = {}
        for name, answer in answers.items():
            column = answer.numpy()[:, [int(answer[0].argmax())]]
            surrogate = self._surrogate(design, column[1:])
            fitted[name] = Fitted(surrogate.weights, surrogate.errors)
        return fitted

    def _surrogate(self, design: Design | ReplicatedDesign, column: np.ndarray) -> Surrogate:
        if isinstance(design, ReplicatedDesign):
            return fit_replicated(design, column, self.settings.kernel_width, self.settings.ridge)[0]
        return fit_lime(design.features, column, self.settings.kernel_width, self.settings.ridge)[0]


def independent_design(superpixels: int, entries: int, masks: int, seed: int) -> ReplicatedDesign:
    """Blocks of independent image masks, each block crossed with independent text masks."""
    random = np.random.default_rng(seed)
    image = np.concatenate([np.ones((1, superpixels), bool), random.random((masks, superpixels)) < 0.5])
    texts = masks // BLOCK * TEXTS
    text = np.concatenate([np.ones((1, entries), bool), random.random((texts, entries)) < 0.5])
    blocks = tuple(
        (1 + np.arange(b * BLOCK, (b + 1) * BLOCK), 1 + np.arange(b * TEXTS, (b + 1) * TEXTS))
        for b in range(masks // BLOCK)
    )
    return ReplicatedDesign(image, text, blocks, crossed=True)


def reference(bench: Bench, path: str, masks: int, models: list[str], key: str) -> dict[str, Fitted]:
    """The long reference of one picture, from the output folder where it is there."""
    cache = OUTPUT / f"reference-{derive_seed(path, masks, key)}.npz"
    if not cache.exists():
        fitted = bench.fit(independent_design(*bench.shape, masks, derive_seed("reference", path)))
        OUTPUT.mkdir(exist_ok=True)
        np.savez(cache, **{f"{name}-{field}": getattr(fitted[name], field) for name in models for field in _FIELDS})
    stored = np.load(cache, allow_pickle=False)
    return {name: Fitted(*(stored[f"{name}-{field}"] for field in _FIELDS)) for name in models}


_FIELDS = ("weights", "errors")


def relative_rmse(weights: np.ndarray, expected: np.ndarray) -> float:
    """RMSE of the weights over the root mean square of the expected ones."""
    return float(np.sqrt(((weights - expected) ** 2).mean() / (expected**2).mean()))


def top_overlap(weights: np.ndarray, expected: np.ndarray, top: int = 5) -> float:
    """Share of the `top` greatest weights that are also among the expected ones."""
    return len(set(np.argsort(-weights)[:top]) & set(np.argsort(-expected)[:top])) / top


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", required=True)
    parser.add_argument("--pictures", type=int, default=30)
    parser.add_argument("--reference", type=int, default=6000)
    parser.add_argument("--evaluations", type=int, nargs="+", default=[480, 640, 800])
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--split", choices=["train", "test"], default="test")
    options = parser.parse_args()
    engine = open_read_only(options.db)
    order = latest_order(engine, options.db)
    order = replace(order, recipe=order.recipe.replaced(runtime={"precision": options.precision}))
    names = list(FUSIONS)
    models = load_stored(engine, order, names, threads=2)
    samples = choose_samples(stored_samples(engine, order.dataset, options.split), 1, seed=7)[: options.pictures]
    found: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for sample in samples:
        bench = Bench(sample, models, order)
        expected = reference(bench, sample.path, options.reference, names, options.precision)
        seed = derive_seed("benchmark", sample.path)
        designs = {"lime 2000": lambda bench=bench, seed=seed: lime_design(*bench.shape, 2000, seed)} | {
            f"balanced {count}": lambda bench=bench, seed=seed, count=count: crossed_design(*bench.shape, count, seed)
            for count in options.evaluations
        }
        for sampler, draw in designs.items():
            started = time.perf_counter()
            design = draw()
            fitted = bench.fit(design)
            seconds = time.perf_counter() - started
            for name, fit in fitted.items():
                figures = found[sampler, name]
                figures["images"].append(len(design.image_masks))
                figures["seconds"].append(seconds)
                figures["rmse"].append(relative_rmse(fit.weights, expected[name].weights))
                figures["top5"].append(top_overlap(fit.weights, expected[name].weights))
                if fit.errors is not None:
                    error = np.hypot(fit.errors, expected[name].errors)
                    covered = np.abs(fit.weights - expected[name].weights) <= 2 * error
                    figures["covered"].append(float(covered.mean()))
        print(f"{sample.path}: {bench.shape[0]} superpixels, {bench.shape[1]} entries", flush=True)
    _report(found, len(samples))


def _report(found: Mapping[tuple[str, str], Mapping[str, list[float]]], pictures: int) -> None:
    columns = ("images", "seconds", "rmse", "rmse p90", "top5", "covered")
    print(f"\n{'sampler':14} {'model':22} " + " ".join(f"{column:>9}" for column in columns))
    rows = []
    for (sampler, model), figures in found.items():
        values = {name: float(np.mean(numbers)) for name, numbers in figures.items()}
        values["rmse p90"] = float(np.quantile(figures["rmse"], 0.9))
        rows.append({"sampler": sampler, "model": model, **values})
        cells = [f"{values[column]:9.3f}" if column in values else " " * 9 for column in columns]
        print(f"{sampler:14} {model:22} " + " ".join(cells))
    print(json.dumps({"pictures": pictures, "rows": rows}))


if __name__ == "__main__":
    main()
