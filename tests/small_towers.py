"""Tower folders as a model hub would give them, tiny and with random weights, and a few coloured pictures."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import DistilBertConfig, DistilBertModel, PreTrainedTokenizerFast, ResNetConfig, ResNetModel

from precompute.dataset.samples import LabelledSample
from precompute.models.protocol import Entry
from precompute.models.tiny_towers import PAD, UNKNOWN, train_tokenizer

CLASSES = ["milk", "oat", "sour"]
WORDS = {"milk": ["MJÖLK", "1,5%", "Arla"], "oat": ["HAVRE", "Oatly"], "sour": ["FIL", "3%", "Arla", "500g"]}


def resnet_folder(folder: Path) -> Path:
    """A ResNet with bottlenecks as ResNet50 has them, 32 channels at the end."""
    torch.manual_seed(0)
    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1], layer_type="bottleneck")
    ResNetModel(config).save_pretrained(folder)
    return folder


def distilbert_folder(folder: Path) -> Path:
    """A DistilBERT of one layer, 16 wide, with its tokenizer."""
    torch.manual_seed(0)
    tokenizer = train_tokenizer([" ".join(words) for words in WORDS.values()] * 3, pieces=120)
    config = DistilBertConfig(
        vocab_size=tokenizer.get_vocab_size(), n_layers=1, n_heads=2, dim=16, hidden_dim=32, max_position_embeddings=64
    )
    DistilBertModel(config).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=PAD, unk_token=UNKNOWN).save_pretrained(folder)
    return folder


def coloured_samples(folder: Path, each: int = 6, size: int = 32) -> list[LabelledSample]:
    """`each` noisy pictures a class, every class with its own colour and words; the first of each class has no text."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    samples = []
    for place, label in enumerate(CLASSES):
        for number in range(each):
            pixels = generator.integers(0, 90, (size, size, 3), dtype=np.uint8)
            pixels[..., place] += 120
            path = folder / f"{label}_{number}.png"
            Image.fromarray(pixels).save(path)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            entries = tuple(Entry(word) for word in WORDS[label]) if number else ()
            name = f"train/{label}/{path.name}"
            samples.append(LabelledSample(len(samples), name, path, "train", label, entries, digest, "hash"))
    return samples
