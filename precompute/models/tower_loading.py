"""Where towers come from: a hub name or a folder, `tiny` from scratch, or a configuration stored in a checkpoint."""

from __future__ import annotations

import copy
import hashlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from tokenizers import Tokenizer
from torch import nn
from transformers import AutoConfig, AutoModel, AutoTokenizer
from transformers.utils import logging as transformers_logging

from db.errors import UserError
from precompute.models.tiny_towers import tiny_image_config, tiny_text_config, train_tokenizer
from precompute.models.towers import ImageBackbone, ImageTower, TextBackbone, TextTower
from precompute.recipe import RECIPES, ImageTowerSettings, TextTowerSettings

PROJECT = RECIPES.parent.parent
TINY = "tiny"

transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()


def image_tower(settings: ImageTowerSettings, image_size: int, seed: int) -> ImageTower:
    """The image tower that a recipe names, pretrained or, for `tiny`, with weights drawn from `seed`.

    Raises:
        UserError: not found, not loadable, or not fit for pictures of that size.
    """
    if settings.name == TINY:
        model = _from_config(tiny_image_config(), seed)
    else:
        model = _pretrained(AutoModel.from_pretrained, settings.name, "towers.image.name")
    return wrap_image_model(model, settings, image_size)


def text_tower(settings: TextTowerSettings, texts: Iterable[str], seed: int) -> TextTower:
    """The text tower that a recipe names; `tiny` learns its tokenizer from the training `texts`.

    Raises:
        UserError: not found, not loadable, or without a fast tokenizer.
    """
    if settings.name == TINY:
        tokenizer = train_tokenizer(texts)
        model = _from_config(tiny_text_config(tokenizer, settings.max_tokens), seed)
    else:
        loaded = _pretrained(_load_tokenizer, settings.name, "towers.text.name")
        tokenizer = copy.deepcopy(loaded.backend_tokenizer)
        model = _pretrained(AutoModel.from_pretrained, settings.name, "towers.text.name")
    return wrap_text_model(model, tokenizer, settings)


def image_tower_from(config: dict[str, Any], settings: ImageTowerSettings, size: int) -> ImageTower:
    """An image tower of a stored configuration, its weights yet to be filled in."""
    return wrap_image_model(_from_config(_read_config(config), 0), settings, size)


def text_tower_from(config: dict[str, Any], tokenizer: str, settings: TextTowerSettings) -> TextTower:
    """A text tower of a stored configuration and tokenizer, its weights yet to be filled in."""
    model = _from_config(_read_config(config), 0)
    return wrap_text_model(model, Tokenizer.from_str(tokenizer), settings)


def wrap_image_model(model: nn.Module, settings: ImageTowerSettings, size: int) -> ImageTower:
    """Pooling, normalisation and a first trial picture around a transformers vision model."""
    backbone = ImageBackbone(model, settings.mean, settings.std).eval()
    try:
        with torch.no_grad():
            width = backbone(torch.zeros(1, 3, size, size)).shape[1]
    except (ValueError, RuntimeError, AttributeError, TypeError) as error:
        raise UserError(
            f"towers.image.name {settings.name}: cannot embed a picture of {size}x{size} ({_first_line(error)}); "
            "name a vision model, or change towers.image_size"
        ) from error
    return ImageTower(backbone, size, width)


def wrap_text_model(model: nn.Module, tokenizer: Tokenizer, settings: TextTowerSettings) -> TextTower:
    """Pooling, tokenizer and a first trial text around a transformers encoder."""
    backbone = TextBackbone(model).eval()
    limit = getattr(model.config, "max_position_embeddings", settings.max_tokens)
    ones = torch.ones(1, 2, dtype=torch.int64)
    try:
        with torch.no_grad():
            width = backbone(ones, ones).shape[1]
    except (ValueError, RuntimeError, AttributeError, TypeError) as error:
        raise UserError(
            f"towers.text.name {settings.name}: cannot embed a text ({_first_line(error)}); name a text encoder"
        ) from error
    return TextTower(backbone, tokenizer, min(settings.max_tokens, limit), width)


def config_of(tower: ImageTower | TextTower) -> dict[str, Any]:
    """The configuration of a tower's model, as JSON values that `*_tower_from` reads again."""
    config: dict[str, Any] = json.loads(tower.backbone.model.config.to_json_string(use_diff=False))
    return config


def fingerprint(tower: ImageTower | TextTower) -> str:
    """SHA-256 of all that a tower's embeddings depend on: weights, configuration, tokenizer."""
    digest = hashlib.sha256(json.dumps(config_of(tower), sort_keys=True).encode())
    for name, tensor in sorted(tower.backbone.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    if isinstance(tower, TextTower):
        digest.update(tower.tokenizer.to_str().encode())
    return digest.hexdigest()


def _from_config(config: Any, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: nn.Module = AutoModel.from_config(config, dtype=torch.float32)
    return model


def _read_config(stored: dict[str, Any]) -> Any:
    return AutoConfig.for_model(**{key: value for key, value in stored.items() if key != "transformers_version"})


def _load_tokenizer(name: str | Path, **options: Any) -> Any:
    tokenizer = AutoTokenizer.from_pretrained(
        name, trust_remote_code=False, local_files_only=options["local_files_only"]
    )
    if getattr(tokenizer, "backend_tokenizer", None) is None:
        raise ValueError("its tokenizer has no tokenizer.json")
    return tokenizer


def _pretrained(load: Callable[..., Any], name: str, setting: str) -> Any:
    """Load from the folder or the hub; nothing is unpickled and no foreign code is run."""
    folder = _folder(name)
    if folder is None and (name.startswith((".", "/", "~")) or name.count("/") > 1):
        sought = " and ".join(dict.fromkeys(map(str, (Path.cwd(), PROJECT))))  # the same in a clone
        raise UserError(f"{setting}: no folder {name} (sought from {sought}); fix the recipe")
    offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")
    try:
        return load(
            folder or name,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=offline or folder is not None,
        )
    except SafetensorError as error:
        files = sorted(map(str, folder.glob("*.safetensors"))) if folder else ["model.safetensors in the hub's cache"]
        raise UserError(
            f"{setting} {name}: {' or '.join(files)} is damaged, or a mere pointer of Git LFS ({_first_line(error)}); "
            "fetch the file again"
        ) from error
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        where = (
            f"folder {folder}"
            if folder
            else f"neither a folder nor a model of the hub{' (offline)' if offline else ''}"
        )
        raise UserError(
            f"{setting} {name}: {where}: cannot be loaded ({_first_line(error)}); "
            "name a folder or hub model with config.json, model.safetensors and, for text, tokenizer.json"
        ) from error


def _folder(name: str) -> Path | None:
    path = Path(name).expanduser()
    return next((p.resolve() for p in (path, RECIPES / path, PROJECT / path) if p.is_dir()), None)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
