"""Towers small enough to be trained from scratch in seconds, and a tokenizer learned from the training texts."""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import DistilBertConfig, PreTrainedConfig, ResNetConfig

PAD, UNKNOWN, START, END = "[PAD]", "[UNK]", "[CLS]", "[SEP]"


def tiny_image_config() -> PreTrainedConfig:
    """A ResNet of four basic stages, 8 to 64 channels."""
    return ResNetConfig(embedding_size=8, hidden_sizes=[8, 16, 32, 64], depths=[1, 1, 1, 1], layer_type="basic")


def tiny_text_config(tokenizer: Tokenizer, max_tokens: int) -> PreTrainedConfig:
    """A DistilBERT of one layer, 64 wide."""
    return DistilBertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        max_position_embeddings=max_tokens,
        n_layers=1,
        n_heads=4,
        dim=64,
        hidden_dim=128,
        dropout=0.1,
        attention_dropout=0.0,
        pad_token_id=tokenizer.token_to_id(PAD),
    )


def train_tokenizer(texts: Iterable[str], pieces: int = 600) -> Tokenizer:
    """Byte-pair pieces of the training texts, lower-cased and without accents.

    Pieces of at most three characters: with longer ones a frequent word is one piece, and a misread one (LAKT0SFRI)
    has nothing in common with the right one (LAKTOSFRI).
    """
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(), pre_tokenizers.Digits(individual_digits=True)]
    )
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=pieces,
        special_tokens=[PAD, UNKNOWN, START, END],
        show_progress=False,
        min_frequency=2,
        max_token_length=3,
    )
    tokenizer.train_from_iterator(texts, trainer)
    ends = [(START, tokenizer.token_to_id(START)), (END, tokenizer.token_to_id(END))]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{START} $A {END}", special_tokens=ends)
    return tokenizer
