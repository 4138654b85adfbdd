"""Explanations in plain words, for people who do not read weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.drawing.importance import Array

TOP_WORDS = 2
WORD_SHARE = 0.08  # of all evidence in favour; a weaker word is not worth naming
BESIDE_STRONGEST = 0.2  # of the strongest word; below it the views draw nothing either


@dataclass(frozen=True)
class Score:
    """What groups are ranked by: its name, and what it says."""

    name: str
    meaning: str


# What groups are ranked by (docs/definitions.md, NormLIME score, Other group scores), by the names in recipes.
SCORES = {
    "normlime": Score(
        "NormLIME",
        "How much of the model's attention the group draws where it occurs: the mean of w² / Σ|w|, where w is its "
        "weight and Σ|w| all weight on that sample.",
    ),
    "averaged_importance": Score(
        "averaged importance", "How strongly the group speaks where it occurs: the mean of its weights' sizes, |w|."
    ),
    "homogeneity": Score(
        "homogeneity",
        "How strongly the group speaks, and for one class alone: what turns up in many classes counts for less.",
    ),
    "sp_lime": Score(
        "SP-LIME", "How much the group weighs over all samples together: the square root of the sum of |w|."
    ),
}


@dataclass(frozen=True)
class Basis:
    """What a decision rested on, ready to be said: `lead`, then quoted `words`, then `rest`."""

    lead: str
    words: tuple[str, ...]
    rest: str


def sureness(probability: float) -> str:
    """How sure a model is, in words; probability in 0..1."""
    if probability >= 0.95:
        return "very sure"
    if probability >= 0.8:
        return "quite sure"
    if probability >= 0.5:
        return "not very sure"
    return "unsure"


def basis(image_weights: Array, text_weights: Array, texts: Sequence[str]) -> Basis:
    """What the decision rested on: the evidence in favour, max(w, 0), of the picture against that of the words."""
    picture, words = np.maximum(image_weights, 0), np.maximum(text_weights, 0)
    total = float(picture.sum() + words.sum())
    if total <= 0:
        return Basis("Nothing on this pack speaks for this class: no part of it has a positive weight.", (), "")
    share = float(words.sum()) / total
    strongest = np.argsort(-words, kind="stable")[:TOP_WORDS]
    least = max(WORD_SHARE * total, BESIDE_STRONGEST * float(words.max(initial=0.0)))
    named = tuple(dict.fromkeys(texts[index] for index in strongest if words[index] >= least))
    return Basis(*_sentence(share, named, len(texts)))


def _sentence(share: float, named: tuple[str, ...], entries: int) -> tuple[str, tuple[str, ...], str]:
    if not entries:
        return "It rested on the picture alone: no text was read on this pack.", (), ""
    noun = "the word" if len(named) == 1 else "the words"
    if not named:
        if share >= 0.5:
            return "It rested on many words together, none of them decisive.", (), ""
        return "It rested on the picture; no single word mattered much.", (), ""
    if share >= 0.65:
        return f"It rested mostly on {noun} ", named, ", less on the picture."
    if share >= 0.4:
        return f"It rested on {noun} ", named, " and on the picture about equally."
    return f"It rested mostly on the picture, less on {noun} ", named, "."
