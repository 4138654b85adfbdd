"""Real pictures with trained models, and a long reference of each: many independent masks at full precision.

python -m tests.benchmarks.reference --db sqlite:///grocery.db --pictures 30

makes the references that tests.benchmarks.explain compares samplers with, one file a picture in the output folder; a
picture whose file is there is skipped, so the command can be stopped and taken up again.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from tqdm import tqdm

from db.schema.tables import Model as StoredModel
from db.session import open_read_only
from precompute.context import RunOptions, cores
from precompute.dataset.samples import LabelledSample, stored_samples
from precompute.dataset.subsets import choose_samples
from precompute.local_explanations.balanced import ReplicatedDesign
from precompute.local_explanations.explain import design_probabilities, fit
from precompute.local_explanations.masking import EmbeddingCache, Evaluator, MaskedPicture
from precompute.local_explanations.sampling import Design, lime_design
from precompute.local_explanations.superpixels import segment
from precompute.models.protocol import Model
from precompute.models.text import cut_entries
from precompute.models.worker import stored_setup
from precompute.recipe import FUSIONS, derive_seed, settings_hash
from precompute.stored_run import latest_options
from tests.decoded import load_picture

OUTPUT = Path(__file__).parent / "output"
BLOCK, TEXTS = 250, 16
FEATURES = {"segments", "compactness", "sigma", "fill", "kernel_width", "ridge"}
"""Settings of a recipe that weights depend on, beside the sampler's."""

Floats = npt.NDArray[np.float64]
Precision = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True)
class Fitted:
    """One class's weights [d] with their standard errors, None where the sampler gives none."""

    weights: Floats
    errors: Floats | None


class Shop:
    """A database of real pictures with its trained fusions, loaded at a precision."""

    def __init__(self, url: str, split: Literal["train", "test"], pictures: int) -> None:
        self.engine: Engine = open_read_only(url)
        self.options: RunOptions = latest_options(self.engine, url)
        self.names = list(FUSIONS)
        chosen = choose_samples(stored_samples(self.engine, self.options.dataset, split), 1, seed=7)
        self.samples: list[LabelledSample] = chosen[:pictures]
        with Session(self.engine) as session:
            query = select(StoredModel.checkpoint_hash).where(StoredModel.name.in_(self.names))
            self._checkpoints = sorted(str(value) for value in session.scalars(query))

    def models(self, precision: Precision, runtime: str = "auto", threads: int | None = None) -> dict[str, Model]:
        """The three fusions, loaded anew."""
        table = {"precision": precision, "runtime": runtime}
        options = replace(self.options, recipe=self.options.recipe.replaced(runtime=table))
        return stored_setup(self.engine, options, self.names, threads or cores()).load()

    def key(self, *parts: str | int) -> str:
        """A short name for results of these checkpoints and settings."""
        recipe = self.options.recipe
        features = recipe.explain.model_dump(mode="json", include=FEATURES)
        return settings_hash(self._checkpoints, features, recipe.towers.image_size, list(parts))


class Subject:
    """One picture with its superpixels and readable entries."""

    def __init__(self, shop: Shop, sample: LabelledSample) -> None:
        recipe = shop.options.recipe
        self.sample = sample
        self.settings = recipe.explain
        self.batch_size = recipe.runtime.batch_size
        self.picture = load_picture(sample.picture, recipe.towers.image_size)
        self.label_map = segment(self.picture, self.settings)
        self.entries = cut_entries(list(sample.entries), recipe.towers.text.max_words)
        self.shape = (int(self.label_map.max()) + 1, len(self.entries))

    def embed(self, models: Mapping[str, Model], design: Design | ReplicatedDesign) -> EmbeddingCache:
        """The towers' embeddings of the design's masks; its first masks keep everything."""
        masked = MaskedPicture(self.picture, self.label_map, self.settings.fill, torch.device("cpu"))
        evaluator = Evaluator(models, self.batch_size, torch.device("cpu"))
        return evaluator.embed(masked, self.entries, design.image_masks, design.text_masks)

    def predicted(self, models: Mapping[str, Model]) -> dict[str, int]:
        """The place of each model's predicted class."""
        answers = self.embed(models, lime_design(*self.shape, 1, 0))
        return {name: int(answers.paired(name, np.zeros((1, 2), dtype=np.intp))[0].argmax()) for name in models}

    def fit(
        self, models: Mapping[str, Model], design: Design | ReplicatedDesign, targets: Mapping[str, int] | None = None
    ) -> dict[str, Fitted]:
        """The surrogate of each model's target class, by default the predicted one, made as the product makes it."""
        targets = targets or self.predicted(models)
        answers = self.embed(models, design)
        answers.embed_images(np.arange(len(design.image_masks)))
        fitted = {}
        for name in models:
            surrogate = fit(design, design_probabilities(design, answers, name, [targets[name]]), self.settings)[0]
            fitted[name] = Fitted(surrogate.weights, surrogate.errors)
        return fitted


def independent_design(superpixels: int, entries: int, masks: int, seed: int) -> ReplicatedDesign:
    """Blocks of independent image masks, each block crossed with its own independent text masks."""
    random = np.random.default_rng(seed)
    image = random.random((masks, superpixels)) < 0.5
    text = random.random((masks // BLOCK * TEXTS, entries)) < 0.5
    full = [np.ones((1, superpixels), dtype=bool), np.ones((1, entries), dtype=bool)]
    blocks = tuple(
        (1 + np.arange(b * BLOCK, (b + 1) * BLOCK), 1 + np.arange(b * TEXTS, (b + 1) * TEXTS))
        for b in range(masks // BLOCK)
    )
    return ReplicatedDesign(np.concatenate([full[0], image]), np.concatenate([full[1], text]), blocks, crossed=True)


def reference(shop: Shop, subject: Subject, models: Mapping[str, Model], masks: int) -> dict[str, Fitted]:
    """The long reference of the predicted class of each model, from the output folder where it is there.

    Args:
        models: at float32.
        masks: independent image masks, a multiple of BLOCK.
    """
    cache = OUTPUT / f"reference-{shop.key(subject.sample.path, masks)}.npz"
    if not cache.exists():
        design = independent_design(*subject.shape, masks, derive_seed("reference", subject.sample.path))
        fields = {}
        for name, fitted in subject.fit(models, design).items():
            assert fitted.errors is not None
            fields |= {f"{name}-weights": fitted.weights, f"{name}-errors": fitted.errors}
        OUTPUT.mkdir(exist_ok=True)
        partial = cache.with_suffix(".partial.npz")
        np.savez(partial, **fields)
        partial.replace(cache)
    stored = np.load(cache, allow_pickle=False)
    return {name: Fitted(stored[f"{name}-weights"], stored[f"{name}-errors"]) for name in models}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", required=True)
    parser.add_argument("--pictures", type=int, default=30)
    parser.add_argument("--reference", type=int, default=6000)
    parser.add_argument("--split", choices=["train", "test"], default="test")
    options = parser.parse_args()
    shop = Shop(options.db, options.split, options.pictures)
    models = shop.models("float32")
    for sample in tqdm(shop.samples, unit="picture"):
        reference(shop, Subject(shop, sample), models, options.reference)


if __name__ == "__main__":
    main()
