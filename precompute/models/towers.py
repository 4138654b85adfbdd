"""Image and text towers: pictures and OCR entries in, one embedding each out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from precompute.models.protocol import Entries
from precompute.models.runtimes import Execution, Forward, make_forward, run_padded
from precompute.models.text import join_entries

BUCKETS = (8, 16, 32, 64, 128, 256, 512)
# Longer texts come in smaller batches: bounded memory, and still the same batch for the same text every time.
TOKENS_A_BATCH = 4096


class ImageBackbone(nn.Module):
    """A transformers vision model between normalisation and pooling: [n, 3, h, w] -> [n, d].

    Pictures are floats in 0..1, or bytes in 0..255, which are quicker to compose and to move.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, model: Any, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.model: Any = model
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        if images.dtype == torch.uint8:
            images = images.float() / 255
        last: Tensor = self.model(pixel_values=(images - self.mean) / self.std).last_hidden_state
        # The last feature map of a CNN is [n, d, h, w], the tokens of a transformer are [n, t, d].
        return last.mean(dim=(2, 3)) if last.dim() == 4 else last.mean(dim=1)


class TextBackbone(nn.Module):
    """A transformers encoder with mean pooling over the real tokens: ids and mask [n, t] -> [n, e]."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model: Any = model

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        last: Tensor = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
        weights = mask.unsqueeze(-1).to(last.dtype)
        return (last * weights).sum(dim=1) / weights.sum(dim=1).clamp_min(1)


class ImageTower:
    """Embeds pictures in fixed, padded batches; `backbone` is what training trains."""

    def __init__(self, backbone: ImageBackbone, image_size: int, width: int) -> None:
        self.backbone = backbone
        self.image_size = image_size
        self.width = width
        self.execution = Execution()
        self._forward: Forward | None = None

    def run_with(self, execution: Execution) -> None:
        """From now on run forwards so; weights changed later need it again."""
        self.execution = execution
        self._forward = None

    def trial(self) -> tuple[str, nn.Module, tuple[Tensor, ...]]:
        """A name, the module and one batch like masked pictures, for runtimes to be compared and centred on."""
        random, size = torch.Generator().manual_seed(0), (self.image_size, self.image_size)
        drawn = torch.rand(self.execution.batch_size, 5, 8, 8, generator=random)
        light, colours, kept = drawn[:, :1], drawn[:, 1:4], drawn[:, 4:]
        smooth = nn.functional.interpolate(light * 200 + colours * 55, size=size, mode="bilinear")
        batch = (smooth * nn.functional.interpolate((kept < 0.5).float(), size=size)).to(torch.uint8)
        return f"{self.backbone.model.config.model_type} {self.width}", self.backbone, (batch,)

    def embed(self, images: Tensor) -> Tensor:
        """float32 [n, width] on the CPU, of images [n, 3, h, w]: float32 in 0..1 or uint8 in 0..255."""
        if len(images) == 0:
            return torch.zeros(0, self.width)
        if self._forward is None:
            self._forward = make_forward(self.backbone, self.execution, self.trial()[2])
        return run_padded(self._forward, (images,), self.execution.batch_size).cpu()


class TextTower:
    """Embeds entries: joined, cut into tokens, run with texts of a like length."""

    def __init__(self, backbone: TextBackbone, tokenizer: Tokenizer, max_tokens: int, width: int) -> None:
        self.backbone = backbone
        self.tokenizer = tokenizer
        self.max_tokens = max_tokens
        self.width = width
        self.execution = Execution()
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(max_tokens)
        self._forward: Forward | None = None

    def run_with(self, execution: Execution) -> None:
        """From now on run forwards so; weights changed later need it again."""
        self.execution = execution
        self._forward = None

    def trial(self) -> tuple[str, nn.Module, tuple[Tensor, ...]]:
        """A name, the module and one batch, for runtimes to be compared on."""
        shape = (self.execution.batch_size, min(32, self.max_tokens))
        ids = torch.arange(shape[0] * shape[1]).reshape(shape) % self.backbone.model.config.vocab_size
        return f"{self.backbone.model.config.model_type} {self.width}", self.backbone, (ids, torch.ones_like(ids))

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, at most `max_tokens`."""
        return [encoding.ids for encoding in self.tokenizer.encode_batch(list(texts))]

    def embed(self, entries: Sequence[Entries]) -> Tensor:
        """float32 [n, width] on the CPU; zero where there is nothing to read; equal texts are run once."""
        texts = [join_entries(one) for one in entries]
        distinct = sorted({text for text in texts if text})
        row_of = {text: row for row, text in enumerate(distinct)}
        rows = self._embed_texts(distinct)
        embeddings = torch.zeros(len(texts), self.width)
        for row, text in enumerate(texts):
            if text:
                embeddings[row] = rows[row_of[text]]
        return embeddings

    def _embed_texts(self, texts: list[str]) -> Tensor:
        if self._forward is None:
            self._forward = make_forward(self.backbone, self.execution)
        embeddings = torch.zeros(len(texts), self.width)
        ids = self.token_ids(texts)
        for bucket in self.buckets():
            members = [row for row, tokens in enumerate(ids) if _bucket(len(tokens), self.buckets()) == bucket]
            if members:
                rows = max(1, min(self.execution.batch_size, TOKENS_A_BATCH // bucket))
                inputs = pad_tokens([ids[row] for row in members], bucket)
                embeddings[members] = run_padded(self._forward, inputs, rows).cpu()
        return embeddings

    def buckets(self) -> list[int]:
        """The lengths that texts are padded to, each in the least that holds it."""
        return [length for length in BUCKETS if length < self.max_tokens] + [self.max_tokens]


def pad_tokens(ids: Sequence[Sequence[int]], length: int) -> tuple[Tensor, Tensor]:
    """Ids and mask, int64 [n, length]; padding is 0 in both."""
    padded = torch.zeros(len(ids), length, dtype=torch.int64)
    mask = torch.zeros_like(padded)
    for row, tokens in enumerate(ids):
        padded[row, : len(tokens)] = torch.tensor(tokens)
        mask[row, : len(tokens)] = 1
    return padded, mask


def _bucket(length: int, buckets: Sequence[int]) -> int:
    return next(bucket for bucket in buckets if length <= bucket)
