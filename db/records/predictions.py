"""What the reader returns of predictions."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from db.values import Vector


@dataclass(frozen=True)
class LabelProbability:
    """The probability that a model gives a class, 0..1."""

    label: str
    probability: float


@dataclass(frozen=True)
class Outcomes:
    """A model's predictions for all samples, as columns of length n in the same order: what charts are made of.

    `labels` names the classes; `label` and `predicted` are indices into it, `sample` the samples' keys in the database,
    `is_test` whether a sample is of the test split. `probability` of the predicted class lies in 0..1; `image_share` is
    that of the predicted class's explanation, nan without one or where all weights are 0.
    """

    labels: tuple[str, ...]
    sample: npt.NDArray[np.int64] = field(repr=False)
    is_test: npt.NDArray[np.bool_] = field(repr=False)
    label: npt.NDArray[np.int32] = field(repr=False)
    predicted: npt.NDArray[np.int32] = field(repr=False)
    probability: Vector = field(repr=False)
    image_share: Vector = field(repr=False)
    explained: npt.NDArray[np.bool_] = field(repr=False)

    @property
    def is_correct(self) -> npt.NDArray[np.bool_]:
        """Whether the prediction is the sample's class."""
        return np.equal(self.label, self.predicted)


@dataclass(frozen=True)
class PredictionView:
    """A model's prediction of a test sample of the class `label`; `probabilities` in the order of the model's classes.

    `right` = the predicted class is the sample's.
    """

    sample_id: int
    sample: str
    label: str
    probabilities: Vector = field(repr=False)
    right: bool
