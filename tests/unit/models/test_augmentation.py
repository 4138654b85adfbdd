"""Flips, rotation and dropped entries."""

import torch
from torch import Generator

from precompute.models.augmentation import augment_images, drop_entries, drop_texts
from precompute.models.protocol import Entry
from precompute.recipe import TrainingSettings

STILL = TrainingSettings(horizontal_flip=False, vertical_flip=False, rotation=0)


def pictures(count: int = 40, size: int = 12) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=Generator().manual_seed(0))


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def test_nothing_asked_for_changes_nothing() -> None:
    assert torch.allclose(augment_images(pictures(), STILL, seeded()), pictures(), atol=1e-5)


def test_flips_give_exactly_the_four_mirror_pictures() -> None:
    settings = STILL.model_copy(update={"horizontal_flip": True, "vertical_flip": True})
    answers = augment_images(pictures(), settings, seeded())
    seen = set()
    for before, after in zip(pictures(), answers, strict=True):
        mirrored = {"none": before, "x": before.flip(2), "y": before.flip(1), "xy": before.flip(1, 2)}
        matching = [name for name, one in mirrored.items() if torch.allclose(one, after, atol=1e-4)]
        assert len(matching) == 1
        seen.add(matching[0])
    assert seen == {"none", "x", "y", "xy"}


def test_horizontal_flip_alone_never_turns_a_picture_upside_down() -> None:
    settings = STILL.model_copy(update={"horizontal_flip": True})
    for before, after in zip(pictures(), augment_images(pictures(), settings, seeded()), strict=True):
        assert torch.allclose(before, after, atol=1e-4) or torch.allclose(before.flip(2), after, atol=1e-4)


def test_rotation_stays_within_its_angle() -> None:
    size, settings = 101, STILL.model_copy(update={"rotation": 30})
    dot = torch.zeros(200, 1, size, size)
    dot[:, :, 50, 80:85] = 1  # to the right of the centre, at angle 0
    turned = augment_images(dot.expand(-1, 3, -1, -1), settings, seeded())[:, 0]
    rows, columns = torch.meshgrid(torch.arange(size) - 50.0, torch.arange(size) - 50.0, indexing="ij")
    weight = turned.sum(dim=(1, 2))
    angles = torch.rad2deg(torch.atan2((turned * rows).sum((1, 2)) / weight, (turned * columns).sum((1, 2)) / weight))
    assert angles.abs().max() <= 31
    assert angles.max() > 20
    assert angles.min() < -20


def test_what_comes_from_outside_is_black() -> None:
    settings = STILL.model_copy(update={"rotation": 45})
    turned = augment_images(torch.ones(50, 3, 20, 20), settings, seeded())
    assert (turned[:, :, 0, 0] < 0.5).any()


def test_the_same_seed_gives_the_same_pictures() -> None:
    settings = TrainingSettings()
    first, again = (augment_images(pictures(), settings, seeded(4)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, augment_images(pictures(), settings, seeded(5)))


def test_entries_are_dropped_at_the_rate_asked_for_and_keep_their_order() -> None:
    entries = [Entry(str(number)) for number in range(4000)]
    kept = drop_entries(entries, TrainingSettings(drop_entries=0.25), seeded())
    assert abs(len(kept) - 3000) < 4 * (4000 * 0.25 * 0.75) ** 0.5
    numbers = [int(entry.text) for entry in kept]
    assert numbers == sorted(numbers)
    assert drop_entries(entries, TrainingSettings(drop_entries=0), seeded()) == entries


def test_whole_texts_are_dropped_and_pictures_never() -> None:
    both = torch.ones(2000, 2, dtype=torch.bool)
    left = drop_texts(both, TrainingSettings(drop_text=0.5), seeded())
    assert left[:, 0].all()
    assert abs(int(left[:, 1].sum()) - 1000) < 4 * (2000 * 0.25) ** 0.5
    assert torch.equal(drop_texts(both, TrainingSettings(), seeded()), both)
