"""Maps of a batch: a sample's numbers are the same whichever samples are computed with it."""

from pathlib import Path

import pytest
import torch

from precompute.activation_maps.batch import MapRequest, _of_probabilities
from precompute.activation_maps.tower_stages import StagedForward
from precompute.dataset.samples import LabelledSample
from precompute.models.dual_stream import TowersAndHead
from precompute.models.fusions import HEADS, HeadShape
from precompute.models.runtimes import CPU_ROWS
from precompute.models.worker import WorkerState
from precompute.recipe import Recipe

CLASSES = ["a", "b", "c", "d"]
WIDTH = 64


@pytest.mark.parametrize("kind", ["feature_concatenation", "score_fusion", "embracenet"])
def test_slopes_of_a_samples_probabilities_do_not_depend_on_how_many_are_asked_for(kind: str) -> None:
    torch.manual_seed(0)
    head = HEADS[kind](HeadShape(WIDTH, 0, 256, len(CLASSES), 0.0), torch.full((len(CLASSES),), 0.25))
    model = TowersAndHead(CLASSES, head, None, None)
    state = WorkerState(Recipe(), {"m": model}, torch.device("cpu"))
    forward = StagedForward((), torch.randn(CPU_ROWS, WIDTH))
    samples = tuple(
        LabelledSample(number, f"test/a/{number}.jpg", Path("x.jpg"), "test", "a", (), "p", "e")
        for number in range(CPU_ROWS)
    )

    def slopes(count: int) -> list[torch.Tensor]:
        request = MapRequest(samples[:count], ("m",), (), (), True, {})
        return [one.cotangents for one in _of_probabilities(state, model, request, forward)]

    expected = slopes(CPU_ROWS)
    for count in range(1, CPU_ROWS):
        found = slopes(count)
        assert len(found) == count
        assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=False))
