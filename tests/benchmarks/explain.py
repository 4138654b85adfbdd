"""Local explanations measured: fidelity, stability, errors, speed and growth, on real pictures and trained models.

python -m tests.benchmarks.explain --db sqlite:///grocery.db

Fidelity and errors: `balanced` as it comes (precision as chosen for the machine) and lime's 2000 rows at float32,
against a long reference at float32 (tests.benchmarks.reference). Stability: five seeds of both, on the same towers;
their distances to the reference too, since one draw a picture leaves much to chance.
Speed: the same explanation from the lime package's own parts, on PyTorch and on our runtime, and by captum. Growth:
time and memory over samples and features, as a plot. References and lime's fits are kept in tests/benchmarks/output
and taken up again. Prints tables and one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import torch

from precompute.local_explanations.balanced import crossed_design
from precompute.local_explanations.sampling import lime_design
from precompute.models.protocol import Model
from precompute.recipe import EVALUATIONS, derive_seed
from tests.benchmarks.growth import growth
from tests.benchmarks.reference import OUTPUT, Fitted, Floats, Shop, Subject, reference
from tests.benchmarks.speed import speed

SEEDS, TOP, MARGIN, DRAWS = 5, 5, 0.05, 10_000
LIME, BALANCED = "lime 2000", "balanced"


@dataclass(frozen=True)
class Comparison:
    """One picture and model: the reference, a fit of each sampler, and for stability those of all seeds."""

    expected: Fitted
    fits: Mapping[str, Fitted]
    seeds: Mapping[str, Sequence[Fitted]]


def relative_rmse(weights: Floats, expected: Floats) -> float:
    """RMSE of the weights over the root mean square of the expected ones."""
    return float(np.sqrt(((weights - expected) ** 2).mean() / (expected**2).mean()))


def top(weights: Floats) -> set[int]:
    """The five greatest weights (all, where there are fewer)."""
    return set(np.argsort(-weights)[:TOP].tolist())


def top_overlap(weights: Floats, expected: Floats) -> float:
    """Share of the five greatest weights that are also the expected ones."""
    return len(top(weights) & top(expected)) / min(TOP, len(expected))


def jaccard(fits: Sequence[Fitted]) -> float:
    """Mean Jaccard index of the five greatest weights over pairs of seeds."""
    pairs = list(combinations([top(fit.weights) for fit in fits], 2))
    return float(np.mean([len(one & other) / len(one | other) for one, other in pairs]))


def sign_agreement(fits: Sequence[Fitted]) -> float:
    """Mean share of weights with the same sign over pairs of seeds."""
    pairs = combinations([np.sign(fit.weights) for fit in fits], 2)
    return float(np.mean([(one == other).mean() for one, other in pairs]))


def coverage(fit: Fitted, expected: Fitted) -> float:
    """Share of weights whose two standard errors, the reference's own added, reach the reference."""
    assert fit.errors is not None and expected.errors is not None
    return float((np.abs(fit.weights - expected.weights) <= 2 * np.hypot(fit.errors, expected.errors)).mean())


def compare(
    shop: Shop, pictures: Sequence[Subject], evaluations: int, masks: int, stable: int
) -> dict[str, list[Comparison]]:
    """By model, one comparison a picture; the first `stable` pictures are for stability too."""
    full, fast = shop.models("float32"), shop.models("auto")
    comparisons: dict[str, list[Comparison]] = {name: [] for name in shop.names}
    for place, subject in enumerate(pictures):
        expected = reference(shop, subject, full, masks)
        seeds = [derive_seed("benchmark", subject.sample.path, number) for number in range(SEEDS)]
        designs = [crossed_design(*subject.shape, evaluations, seed) for seed in seeds]
        lime = _kept_lime(shop, subject, full, seeds[0], "float32")
        # In bfloat16 a model may prefer another class; weights can be compared for one and the same class only.
        targets = subject.predicted(full)
        balanced = subject.fit(fast, designs[0], targets)
        every: dict[str, list[dict[str, Fitted]]] = {}
        if place < stable:
            every[LIME] = [_kept_lime(shop, subject, fast, seed, "auto", targets) for seed in seeds]
            every[BALANCED] = [balanced, *(subject.fit(fast, design, targets) for design in designs[1:])]
        for name in shop.names:
            more = {key: [fit[name] for fit in found] for key, found in every.items()}
            comparisons[name].append(Comparison(expected[name], {LIME: lime[name], BALANCED: balanced[name]}, more))
        superpixels, entries = subject.shape
        path = subject.sample.path
        print(f"{place + 1}/{len(pictures)} {path}: {superpixels} superpixels, {entries} entries", flush=True)
    return comparisons


def _kept_lime(
    shop: Shop,
    subject: Subject,
    models: Mapping[str, Model],
    seed: int,
    precision: str,
    targets: Mapping[str, int] | None = None,
) -> dict[str, Fitted]:
    cache = OUTPUT / f"lime-{shop.key(subject.sample.path, seed, precision)}.npz"
    if not cache.exists():
        fits = subject.fit(models, lime_design(*subject.shape, 2000, seed), targets)
        partial = cache.with_suffix(".partial.npz")
        np.savez(partial, **{name: fit.weights for name, fit in fits.items()})
        partial.replace(cache)
    stored = np.load(cache, allow_pickle=False)
    return {name: Fitted(stored[name], None) for name in models}


def bound(balanced: Floats, lime: Floats, statistic: Any, greater_is_better: bool) -> tuple[float, float, bool]:
    """The ratio balanced / lime, its 95 % bound on the bad side by paired bootstrap, and whether it keeps the margin.

    Args:
        balanced, lime: figures [pictures, seeds].
        statistic: of figures [..., n] along the last axis.
    """
    draws = np.random.default_rng(0).integers(0, len(balanced), (DRAWS, len(balanced)))
    ratios = statistic(balanced[draws].reshape(DRAWS, -1)) / statistic(lime[draws].reshape(DRAWS, -1))
    ratio = float(statistic(balanced.ravel()) / statistic(lime.ravel()))
    if greater_is_better:
        worst = float(np.quantile(ratios, 0.05))
        return ratio, worst, worst >= 1 - MARGIN
    worst = float(np.quantile(ratios, 0.95))
    return ratio, worst, worst <= 1 + MARGIN


def _mean(figures: Floats) -> Floats:
    return np.asarray(figures.mean(axis=-1))


def _worst_tenth(figures: Floats) -> Floats:
    return np.asarray(np.quantile(figures, 0.9, axis=-1))


def _least_tenth(figures: Floats) -> Floats:
    return np.asarray(np.quantile(figures, 0.1, axis=-1))


def report_fidelity(found: Mapping[str, Sequence[Comparison]]) -> list[dict[str, Any]]:
    """Print and return the figures of each model."""
    rows = []
    print(
        f"\n{'fidelity, against the reference':48} {'lime 2000':>10} {'balanced':>10} {'ratio':>7} {'bound':>7}  holds"
    )
    for model, comparisons in found.items():
        row: dict[str, Any] = {"model": model}
        stable = [c for c in comparisons if c.seeds]
        row |= _fidelity(model, "", [(c.expected, {key: [fit] for key, fit in c.fits.items()}) for c in comparisons])
        if stable:
            row |= _fidelity(model, f", {SEEDS} seeds", [(c.expected, c.seeds) for c in stable])
        for title, figure in (("top-5 Jaccard, 5 seeds", jaccard), ("sign agreement, 5 seeds", sign_agreement)):
            if not stable:
                continue
            before, after = (float(np.mean([figure(c.seeds[key]) for c in stable])) for key in (LIME, BALANCED))
            row[title] = {"lime": before, "balanced": after, "holds": after > before}
            print(f"{model:22} {title:38} {before:7.3f} {after:10.3f} {'':15}  {after > before}")
        covered = float(np.mean([coverage(c.fits[BALANCED], c.expected) for c in comparisons]))
        own = [np.sqrt((c.expected.errors**2).mean() / (c.expected.weights**2).mean()) for c in comparisons]  # type: ignore[operator]
        row |= {"covered": covered, "reference error": float(np.mean(own))}
        print(f"{model:22} {'within two standard errors':38} {'':7} {covered:10.3f} {'':15}  {0.9 <= covered <= 0.99}")
        print(f"{model:22} {'standard error of the reference':38} {row['reference error']:7.3f}")
        rows.append(row)
    return rows


def _fidelity(
    model: str, what: str, found: Sequence[tuple[Fitted, Mapping[str, Sequence[Fitted]]]]
) -> dict[str, dict[str, Any]]:
    """Print and return the distances to the reference: (reference, fits of each sampler) a picture."""
    row = {}
    for title, figure, statistic, greater in (
        ("relative RMSE, mean", relative_rmse, _mean, False),
        ("relative RMSE, 90th percentile", relative_rmse, _worst_tenth, False),
        ("top-5 overlap, mean", top_overlap, _mean, True),
        ("top-5 overlap, 10th percentile", top_overlap, _least_tenth, True),
    ):
        lime, balanced = (
            np.array([[figure(fit.weights, expected.weights) for fit in fits[key]] for expected, fits in found])
            for key in (LIME, BALANCED)
        )
        ratio, worst, holds = bound(balanced, lime, statistic, greater)
        before, after = float(statistic(lime.ravel())), float(statistic(balanced.ravel()))
        row[title + what] = {"lime": before, "balanced": after, "ratio": ratio, "bound": worst, "holds": holds}
        print(f"{model:22} {title + what:38} {before:7.3f} {after:10.3f} {ratio:7.3f} {worst:7.3f}  {holds}")
    return row


def report_precision(shop: Shop, pictures: Sequence[Subject], evaluations: int) -> dict[str, float]:
    """What the chosen precision changes, on the same masks: relative RMSE, top-5 overlap with float32."""
    full, fast = shop.models("float32"), shop.models("auto")
    errors, overlaps = [], []
    for subject in pictures:
        design = crossed_design(*subject.shape, evaluations, derive_seed("precision", subject.sample.path))
        targets = subject.predicted(full)
        exact, reduced = subject.fit(full, design, targets), subject.fit(fast, design, targets)
        for name in shop.names:
            errors.append(relative_rmse(reduced[name].weights, exact[name].weights))
            overlaps.append(top_overlap(reduced[name].weights, exact[name].weights))
    found = {"rmse": float(np.mean(errors)), "top5": float(np.mean(overlaps))}
    print(
        f"\nchosen precision against float32, same masks: relative RMSE {found['rmse']:.3f}, top-5 {found['top5']:.3f}"
    )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", required=True)
    parser.add_argument("--split", choices=["train", "test"], default="test")
    parser.add_argument("--pictures", type=int, default=30, help="for fidelity and errors")
    parser.add_argument("--reference", type=int, default=6000, help="independent image masks")
    parser.add_argument("--evaluations", type=int, help="of balanced; default: the recipe's default")
    parser.add_argument("--stable", type=int, default=30, help="pictures for stability, of those for fidelity")
    parser.add_argument("--timed", type=int, default=3, help="pictures for speed and for precision")
    parser.add_argument("--only", nargs="+", choices=["fidelity", "precision", "speed", "growth"])
    options = parser.parse_args()
    wanted = options.only or ["fidelity", "precision", "speed", "growth"]
    threads = len(os.sched_getaffinity(0))
    torch.set_num_threads(threads)
    shop = Shop(options.db, options.split, options.pictures)
    shop = replace_sampler(shop, options.evaluations)
    pictures = [Subject(shop, sample) for sample in shop.samples]
    evaluations = shop.options.recipe.explain.evaluations
    result: dict[str, Any] = {"evaluations": evaluations, "pictures": len(pictures), "threads": threads}
    if "fidelity" in wanted:
        result["fidelity"] = report_fidelity(compare(shop, pictures, evaluations, options.reference, options.stable))
    if "precision" in wanted:
        result["precision"] = report_precision(shop, pictures[: options.timed], evaluations)
    if "speed" in wanted:
        result["speed"] = speed(shop, pictures[: options.timed])
    if "growth" in wanted:
        result["growth"] = growth(shop, pictures)
    print(json.dumps(result))


def replace_sampler(shop: Shop, evaluations: int | None) -> Shop:
    """The shop with the balanced sampler."""
    table = {"sampler": "balanced", "evaluations": evaluations or EVALUATIONS["balanced"]}
    shop.options = replace(shop.options, recipe=shop.options.recipe.replaced(explain=table))
    return shop


if __name__ == "__main__":
    main()
