"""The training loop: it learns, and a killed training ends in the same weights."""

from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor, nn

from db.errors import UserError
from precompute.models import fitting
from precompute.models.fitting import Fit, fit
from precompute.recipe import TrainingSettings

SETTINGS = TrainingSettings(epochs=6, learning_rate=0.01, batch_size=8)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 2))


def job(folder: Path, module: nn.Module, settings: TrainingSettings = SETTINGS) -> Fit:
    generator = Generator().manual_seed(1)
    data = torch.randn(60, 4, generator=generator)
    labels = (data[:, 0] > 0).long()

    def logits(indices: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        noise = torch.randn(len(indices), 4, generator=generator) / 10
        return module(data[indices] + noise), labels[indices]

    return Fit("test", module, logits, 60, settings, 7, folder / "progress", "key")


def weights(module: nn.Module) -> list[Tensor]:
    return list(module.state_dict().values())


def test_a_training_killed_after_any_epoch_gives_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    straight = network()
    history = fit(job(tmp_path / "straight", straight), lambda _: None)
    for last in (1, 3, 5):
        folder = tmp_path / str(last)
        done: list[int] = []

        def kill(epochs: int, done: list[int] = done, last: int = last) -> None:
            done.append(epochs)
            if len(done) > last:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            fit(job(folder, network()), kill)
        torch.rand(3)  # whatever else uses the global generator must not matter
        resumed, steps = network(), list[int]()
        assert fit(job(folder, resumed), steps.append) == history
        assert steps == [last] + [1] * (6 - last)
        for a, b in zip(weights(straight), weights(resumed), strict=True):
            assert torch.equal(a, b)


def test_history_has_one_line_an_epoch_and_the_loss_falls(tmp_path: Path) -> None:
    history = fit(job(tmp_path, network(), SETTINGS.model_copy(update={"epochs": 20})), lambda _: None)
    assert [line["epoch"] for line in history] == list(range(1, 21))
    assert history[-1]["loss"] < history[0]["loss"]
    assert history[-1]["train_accuracy"] > history[0]["train_accuracy"]


def test_parameters_that_are_frozen_do_not_move(tmp_path: Path) -> None:
    module = network()
    first = module[0]  # type: ignore[index]
    first.requires_grad_(False)
    before = first.weight.clone()
    fit(job(tmp_path, module), lambda _: None)
    assert torch.equal(first.weight, before)


def test_batches_with_nothing_to_learn_from_are_passed_over(tmp_path: Path) -> None:
    module = network()

    def nothing(indices: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        return torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64)

    history = fit(Fit("test", module, nothing, 60, SETTINGS, 7, tmp_path / "progress", "key"), lambda _: None)
    assert history[-1] == {"epoch": 6, "loss": 0.0, "train_accuracy": 0.0}


def test_the_global_random_state_is_left_as_it_was(tmp_path: Path) -> None:
    module = network()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fit(job(tmp_path, module), lambda _: None)
    assert torch.equal(torch.rand(3), expected)


def test_a_training_that_diverged_is_told_and_keeps_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    settings = SETTINGS.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(UserError, match=r"train: model test gives NaN since epoch 1: .*lower training\.learning_rate"):
        fit(job(tmp_path, network(), settings), lambda _: None)
    assert not list(tmp_path.iterdir())


def test_weights_that_are_not_finite_are_told_although_the_loss_is(tmp_path: Path) -> None:
    module = network()

    def nothing(indices: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            module[0].weight[0, 0] = torch.inf  # type: ignore[index]
        return torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64)

    with pytest.raises(UserError, match="since epoch 1"):
        fit(Fit("test", module, nothing, 60, SETTINGS, 7, tmp_path / "progress", "key"), lambda _: None)


def test_progress_that_is_damaged_is_not_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    straight = network()
    history = fit(job(tmp_path / "straight", straight), lambda _: None)
    (tmp_path / "progress").write_bytes(b"cut off")
    again, steps = network(), list[int]()
    assert fit(job(tmp_path, again), steps.append) == history
    assert steps == [1] * 6
    for a, b in zip(weights(straight), weights(again), strict=True):
        assert torch.equal(a, b)
