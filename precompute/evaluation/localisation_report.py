"""Where activation maps point, as tables: settings chosen on train masks, their figures on test masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from db.plain_table import table
from db.read.reader import Reader
from db.records.activation import LocalisationView, Measure
from db.session import Engine

HEADINGS = ("setting", "variant", "of", "strategy", "stage", "n", "in the mask", "within 15 px", "energy inside")


def localisation_table(engine: Engine) -> str:
    """Plain text of the stored rows of every model, each figure with its 95 % interval."""
    reader = Reader(engine)
    parts = [
        _of_model(model.name, rows)
        for model in reader.models.all()
        if (rows := reader.activation.localisation(model.name))
    ]
    return "\n\n".join(parts)


def _of_model(model: str, found: Sequence[LocalisationView]) -> str:
    train = [one for one in found if one.split == "train" and one.label is None]
    test = {_key(one): one for one in found if one.split == "test" and one.label is None}
    rows: list[tuple[str, ...]] = [HEADINGS]
    first = next(iter(test.values()), None)
    if first is None:
        return f"{model}: no test sample has a mask that marks anything"
    rows.append(("chance", *["-"] * 5, *(f"{_measures(first)[index].chance:.3f}" for index in range(3))))
    chosen = next((one for one in test.values() if one.chosen), None)
    if chosen is not None:
        rows.append(_row("chosen", chosen))
    rows += [_row("LIME superpixels", one) for one in test.values() if one.variant == "lime"]
    parts: tuple[tuple[str, Callable[[LocalisationView], object]], ...] = (
        ("strategy", lambda one: (one.target, one.strategy)),
        ("stage", lambda one: one.stage),
        ("variant", lambda one: one.variant),
        ("n", lambda one: one.top),
    )
    for name, part in parts:
        groups: dict[object, list[LocalisationView]] = {}
        for one in train:
            if one.variant != "lime":
                groups.setdefault(part(one), []).append(one)
        for group in groups.values() if len(groups) > 1 else ():
            best = max(group, key=lambda one: one.energy.value)
            if _key(best) in test:
                rows.append(_row(f"best by {name}", test[_key(best)]))
    for one in found:
        if one.split == "test" and one.label is not None and (one.chosen or one.variant == "lime"):
            rows.append(_row(f"{one.label} ({one.samples}), chance {one.energy.chance:.3f}", one))
    counted = (
        f"{first.samples} test samples with a mask, settings chosen on {train[0].samples if train else 0} train ones"
    )
    return f"{model}: {counted}\n{table(rows)}"


def _key(one: LocalisationView) -> tuple[object, ...]:
    return one.variant, one.target, one.strategy, one.stage, one.top


def _measures(one: LocalisationView) -> tuple[Measure, Measure, Measure]:
    return one.pointing_0, one.pointing_15, one.energy


def _row(name: str, one: LocalisationView) -> tuple[str, ...]:
    shown = (f"{measure.value:.3f} [{measure.low:.3f}, {measure.high:.3f}]" for measure in _measures(one))
    return name, *(str(part or "-") for part in _key(one)), *shown
