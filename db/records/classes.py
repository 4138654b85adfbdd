"""What the reader returns of classes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ClassView:
    """One class with its number of samples.

    `explained` = samples that the asked model (any model, if none was asked) has an explanation of;
    `accuracy` in 0..1 of the asked model on the class's test samples, None without a model or predictions.
    """

    id: int
    label: str
    display_name: str | None
    family: str | None
    train: int
    test: int
    explained: int
    accuracy: float | None

    @property
    def title(self) -> str:
        """The display name, or the label where there is none."""
        return self.display_name or self.label
