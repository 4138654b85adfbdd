"""Recipes: the settings of a run, read from TOML and checked; every default is P1's or ours (docs/definitions.md)."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from db.errors import UserError

RECIPES = Path(__file__).parent.parent / "assets" / "recipes"

StageName = Literal["ingest", "ocr", "train", "explain-local", "explain-global", "activation"]
ModelKind = Literal["image", "text", "feature_concatenation", "score_fusion", "embracenet", "embedding", "own"]
FUSIONS: tuple[ModelKind, ...] = ("feature_concatenation", "score_fusion", "embracenet")
Variant = Literal["grad-cam", "grad-cam++", "xgrad-cam", "hires-cam", "layer-cam"]
EVALUATIONS = {"lime": 2000, "balanced": 960}
Share = Annotated[float, Field(ge=0, le=1)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DatasetSettings(_Settings):
    """How a folder becomes samples; `test_share` serves data sets that come without a split."""

    test_share: Share = 1 / 3
    display_size: int = Field(768, ge=64, le=768)
    thumbnail_size: int = Field(128, ge=32, le=256)


class ImageTowerSettings(_Settings):
    """`name` = a hub name or a folder for AutoModel, or `tiny` = a small ResNet from scratch."""

    name: str = "microsoft/resnet-50"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)


class TextTowerSettings(_Settings):
    """`name` = a hub name or a folder for AutoModel, or `tiny` = a small DistilBERT from scratch."""

    name: str = "distilbert-base-uncased"
    max_words: int = Field(256, ge=1)
    max_tokens: int = Field(512, ge=8)


class TowersSettings(_Settings):
    """`frozen` towers are used as they are; `shared` = one pair for all models, else one pair a model."""

    image: ImageTowerSettings = ImageTowerSettings()
    text: TextTowerSettings = TextTowerSettings()
    frozen: bool = False
    shared: bool = False
    image_size: int = Field(256, ge=16)

    @model_validator(mode="after")
    def _frozen_towers_are_shared(self) -> TowersSettings:
        if self.frozen and not self.shared:
            raise ValueError("frozen towers are the same for every model: set shared = true")
        return self


class TrainingSettings(_Settings):
    """P1 §4.3; epochs, angle and widths are ours. `drop_entries` drops each entry so often, `drop_text` all of them.

    `drop_regions` blackens up to that share of a picture, so that explanations' masked pictures are none too strange.
    """

    epochs: int = Field(30, ge=1)
    learning_rate: float = Field(2e-5, gt=0)
    weight_decay: float = Field(1e-4, ge=0)
    batch_size: int = Field(16, ge=1)
    horizontal_flip: bool = True
    vertical_flip: bool = True
    rotation: float = Field(15.0, ge=0, le=180)
    augmented_copies: int = Field(4, ge=0)
    drop_regions: Share = 0.0
    drop_entries: Share = 0.0
    drop_text: Share = 0.0
    dropout: Share = 0.0
    hidden_width: int = Field(256, ge=1)


class ModelSettings(_Settings):
    """One model: what it is, whether it is explained, and for `own` the `module:Class` that makes it."""

    name: str
    kind: ModelKind
    explain: bool | None = None
    entry_point: str | None = None
    options: dict[str, Any] = {}

    @model_validator(mode="after")
    def _own_needs_entry_point(self) -> ModelSettings:
        if (self.kind == "own") != (self.entry_point is not None):
            raise ValueError("entry_point = 'module:Class' goes with kind = 'own', and only with it")
        return self

    @property
    def explained(self) -> bool:
        return self.kind in (*FUSIONS, "embedding", "own") if self.explain is None else self.explain


def _five_models() -> tuple[ModelSettings, ...]:
    return tuple(ModelSettings(name=kind, kind=kind) for kind in ("image", "text", *FUSIONS))


class EmbeddingSettings(_Settings):
    """P2 §3, for models of kind `embedding`: a forest on `features` selected values, by default sqrt(N_train)."""

    features: int | None = Field(None, ge=1)
    trees: int = Field(300, ge=1)


class ExplainSettings(_Settings):
    """How samples are explained (docs/definitions.md, Local explanation).

    `segments` is what SLIC is asked for; `evaluations` = masked pictures a sample, by default as many as the sampler
    needs: P1's 2000 for lime, 960 for balanced, which come nearer to the limit of many rows. With `certainty` the
    balanced sampler takes fewer, from two blocks on, where the order of the `certain_top` greatest weights of the
    predicted class is so certain for every model that shares the masks.
    """

    split: Literal["train", "test", "all"] = "test"
    sampler: Literal["lime", "balanced"] = "balanced"
    evaluations: int = Field(default_factory=lambda settings: EVALUATIONS[settings.get("sampler", "balanced")], ge=2)
    segments: int = Field(100, ge=1)
    compactness: float = Field(10.0, gt=0)
    sigma: float = Field(1.0, ge=0)
    fill: Literal["black", "mean"] = "black"
    certainty: Share | None = None
    certain_top: int = Field(3, ge=1)
    kernel_width: float = Field(0.25, gt=0)
    ridge: float = Field(1.0, ge=0)


class GlobalSettings(_Settings):
    """How groups are formed and ranked (docs/definitions.md, Global groups).

    An image group needs `cluster_size` superpixels, or `cluster_share` of the samples.
    `split` = whose explanations form groups; the deletion test needs groups of train samples alone. `embedding` = what
    superpixels are compared by: the trained image model's hidden layer, or its bare tower. `picks` = SP-LIME samples a
    class.
    """

    split: Literal["train", "test", "all"] = "all"
    top: int = Field(3, ge=1)
    similarity: Share = 0.75
    support_share: Share = 0.05
    support_least: int = Field(2, ge=1)
    cluster_size: int = Field(2, ge=2)
    cluster_share: Share = 0.1
    embedding: Literal["head", "tower"] = "head"
    score: Literal["normlime", "averaged_importance", "homogeneity", "sp_lime"] = "normlime"
    picks: int = Field(5, ge=1)


class ActivationSettings(_Settings):
    """Which activation maps are made (docs/definitions.md, Activation map).

    `tops` = numbers of top-ranked features kept; maps of `variants` are stored, all are measured. The samples
    that get maps are those that are explained (`explain.split`), or so many of each class. `class_features` = features
    listed a class, with so many `places` each.
    """

    tops: tuple[Annotated[int, Field(ge=1)], ...] = Field((1, 3, 5, 7, 13), min_length=1)
    variants: tuple[Variant, ...] = Field(("grad-cam",), min_length=1)
    samples_per_class: int | None = Field(None, ge=1)
    class_features: int = Field(13, ge=1)
    places: int = Field(6, ge=1)


class RuntimeSettings(_Settings):
    """What may change the speed but not the meaning of the numbers.

    `batch_size` pictures are composed, and on a GPU evaluated, at a time: it bounds the memory. `auto` = the fastest on
    this machine by a short measurement that is kept beside the checkpoints; for training OpenVINO in float32 (on a GPU
    PyTorch), so that no measurement decides what is trained.
    """

    batch_size: int = Field(32, ge=1)
    runtime: Literal["auto", "torch", "openvino"] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"


class Recipe(_Settings):
    """All settings of a run."""

    seed: int = 0
    stages: tuple[StageName, ...] = ("ingest", "ocr", "train", "explain-local", "explain-global")
    dataset: DatasetSettings = DatasetSettings()
    towers: TowersSettings = TowersSettings()
    training: TrainingSettings = TrainingSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    models: tuple[ModelSettings, ...] = Field(default_factory=_five_models, min_length=1)
    explain: ExplainSettings = ExplainSettings()
    global_: GlobalSettings = Field(default=GlobalSettings(), alias="global")
    activation: ActivationSettings = ActivationSettings()
    runtime: RuntimeSettings = RuntimeSettings()

    @model_validator(mode="after")
    def _names_are_unique(self) -> Recipe:
        names = [model.name for model in self.models]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two models are called {', '.join(sorted(twice))}")
        return self

    def replaced(self, **tables: dict[str, Any]) -> Recipe:
        """The recipe with settings of some tables replaced, where the replacement is not None."""
        settings = self.model_dump(mode="json", by_alias=True, exclude_unset=True)
        for table, values in tables.items():
            settings[table] = settings.get(table, {}) | {
                name: value for name, value in values.items() if value is not None
            }
        return Recipe.model_validate(settings)


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Args:
        path: a TOML file, or the bare name of one in assets/recipes.

    Raises:
        UserError: naming the file, the setting and what was expected.
    """
    if not path.exists() and path.parent == Path() and (RECIPES / path.name).exists():
        path = RECIPES / path.name
    try:
        return Recipe.model_validate(tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except OSError as error:
        built_in = ", ".join(sorted(recipe.name for recipe in RECIPES.glob("*.toml")))
        raise UserError(f"recipe {path}: {error.strerror}; the built-in ones are {built_in}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"recipe {path}: not valid TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        setting = ".".join(str(part) for part in first["loc"]) or "recipe"
        raise UserError(f"recipe {path}: {setting}: {first['msg']}") from error


def settings_hash(*parts: Any) -> str:
    """A short SHA-256 of settings: 16 hexadecimal digits, the same on every machine.

    Args:
        parts: pydantic models or JSON values.
    """
    plain = [part.model_dump(mode="json", by_alias=True) if isinstance(part, BaseModel) else part for part in parts]
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def derive_seed(*parts: str | int) -> int:
    """A seed in [0, 2**32) from names alone, so that order, batch size and worker count change nothing."""
    digest = hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).digest()
    return int.from_bytes(digest[:4], "little")
