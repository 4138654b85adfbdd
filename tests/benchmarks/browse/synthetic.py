"""Synthetic weights and words: as many, and as often misread, as P1 reports."""

from __future__ import annotations

from typing import Any

import numpy as np

LETTERS = list("abdefghiklmnoprstuvyåäö")
ENTRIES, SPREAD = 25.7, 20.8
"""Mean and standard deviation of a validation sample's entries (P1 §4.1)."""


def draw_weights(random: np.random.Generator, segments: int, entries: int, probability: float) -> dict[str, Any]:
    weights = random.normal(0, 0.01, segments + entries).astype(np.float32)
    weights[random.integers(len(weights), size=6)] += random.uniform(0.05, 0.2, 6).astype(np.float32)
    errors = np.full(len(weights), 0.01, np.float32)
    image, text = weights[:segments], weights[segments:]
    total, share = float(np.abs(weights).sum()), float(np.abs(image).sum())
    estimate = probability + 0.01
    return {
        "probability": probability,
        "surrogate_prediction": estimate,
        "intercept": estimate - float(weights.sum(dtype=np.float64)),
        "r2": float(random.uniform(0.2, 0.95)),
        "image_evaluations": 320,
        "text_evaluations": 320,
        "sampler": "balanced",
        "fill": "black",
        "seed": 0,
        "image_weights": image,
        "image_errors": errors[:segments],
        "text_weights": text,
        "text_errors": errors[segments:],
        "image_share": share / total,
        "image_share_positive": share / total,
        "probability_without_text": probability * 0.8,
        "probability_without_image": probability * 0.3,
    }


def draw_word(random: np.random.Generator, letters: int) -> str:
    return "".join(random.choice(LETTERS, letters))


def brand_name(number: int) -> str:
    """Four classes share a brand."""
    return draw_word(np.random.default_rng([2, number // 4]), 7).capitalize()


def class_vocabulary(number: int) -> list[str]:
    """What is printed on the packs of a class: words of all groceries, of its brand, and its own."""
    everywhere, brand, own = (np.random.default_rng([3, key]) for key in (0, number // 4 + 1, number + 10_000))
    shared = ["mjölk", "laktosfri", "ekologisk", "färsk", "sverige", "ingredienser", "bäst", "före"]
    shared += [draw_word(everywhere, int(everywhere.integers(3, 11))) for _ in range(60)]
    of_brand = [brand_name(number), *(draw_word(brand, int(brand.integers(3, 11))) for _ in range(8))]
    of_class = [draw_word(own, int(own.integers(3, 12))) for _ in range(12)]
    amounts = [f"{own.integers(1, 9)},{own.integers(1, 9)}%", f"{own.integers(1, 9)}00g", f"{own.integers(20, 99)}kcal"]
    return [*shared, *of_brand, *of_class, *amounts]


def draw_readings(words: list[str], random: np.random.Generator) -> list[str]:
    """The entries of one sample, some misread, some in capitals."""
    count = max(round(random.normal(ENTRIES, SPREAD)), 0)
    return [misread_word(words[int(index)], random) for index in random.integers(0, len(words), count)]


def misread_word(word: str, random: np.random.Generator) -> str:
    if random.random() < 0.15 and not any(letter.isdigit() for letter in word):
        index = int(random.integers(len(word)))
        word = word[:index] + str(random.choice(LETTERS)) + word[index + 1 :]
    return word.upper() if random.random() < 0.3 else word
