"""A figure of one class for slides and papers: what a model relies on, and example explanations."""

from __future__ import annotations

import io
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from app.databases import Database
from app.drawing.importance import normalised_importances
from app.drawing.views import draw_view
from app.routes.feature_crops import feature_crop
from app.templating import percent
from app.view_state import DEFAULT_THRESHOLD
from db.errors import UserError
from db.records.explanations import Modality
from db.records.groups import GroupView
from db.records.models import ModelView
from db.records.samples import SampleView

FORMATS = (".png", ".pdf", ".svg")
MODALITIES: tuple[Modality, ...] = ("image", "text")
EXAMPLES = 4
OPACITY = 0.6
CROP_SIZE = 320


def write_report(database: Database, model: str | None, label: str, out: Path) -> None:
    """Write the figure in the format that the file's name ends in.

    Raises:
        UserError: unknown class, model or format; nothing explained; or a folder that is not there.
    """
    if out.suffix.lower() not in FORMATS:
        raise UserError(f"--out {out}: expected a name that ends in {', '.join(FORMATS)}")
    if not out.parent.is_dir():
        raise UserError(f"--out {out}: there is no folder {out.parent}; make it first")
    titles = database.titles()
    if label not in titles:
        near = ", ".join(list(titles)[:5]) or "none yet"
        raise UserError(f"--class {label}: no such class in {database.shown}; there are {near} ...")
    chosen = _model(database, model)
    samples = [sample for sample in database.reader.samples.of_class(label, chosen.name) if sample.explained][:EXAMPLES]
    if not samples:
        raise UserError(
            f"--class {label}: {chosen.name} explains no sample of it; another --model or class may have some"
        )
    figure = Figure(figsize=(11, 8.5), layout="constrained")
    figure.suptitle(_literal(f"{titles[label]}: what {chosen.name} relies on"), fontsize=15, fontweight="bold")
    axes = figure.subplots(3, EXAMPLES)
    for row, modality in enumerate(MODALITIES):
        _draw_groups(database, axes[row], database.reader.groups.of_class(chosen.name, label, modality), modality)
    for axis, sample in zip(axes[2], [*samples, *[None] * EXAMPLES], strict=False):
        _draw_example(database, axis, chosen.name, sample)
    figure.savefig(out, dpi=150)


def _model(database: Database, name: str | None) -> ModelView:
    explained = [model for model in database.models() if model.explanations]
    if name is None:
        if not explained:
            raise UserError(f"{database.shown}: holds no explanations yet; `python -m precompute run` makes them")
        return max(explained, key=lambda model: model.accuracy or 0)
    for model in explained:
        if model.name == name:
            return model
    names = ", ".join(model.name for model in explained) or "none yet"
    raise UserError(f"--model {name}: has no explanations in {database.shown}; those that have: {names}")


def _draw_groups(database: Database, axes: list[Axes], groups: list[GroupView], modality: Modality) -> None:
    for index, axis in enumerate(axes):
        axis.axis("off")
        group = groups[index] if index < len(groups) else None
        member = group.representative if group else None
        if group is None or member is None:
            continue
        name = f"picture part {group.rank}" if modality == "image" else f"“{_literal(group.name)}”"
        axis.set_title(f"{name}\nscore {group.score:.4f}, {group.samples} samples", fontsize=9)
        crop = feature_crop(database, modality, member.sample, member.feature, CROP_SIZE)
        if crop is not None:
            axis.imshow(crop)


def _draw_example(database: Database, axis: Axes, model: str, sample: SampleView | None) -> None:
    axis.axis("off")
    if sample is None:
        return
    display, regions = database.reader.pictures.of_sample(sample.path, "display"), database.regions(sample.path)
    found = database.reader.explanations.of(model, sample.path)[0]
    if display is None or regions is None:
        return
    importances = normalised_importances(found.image_weights, found.text_weights)
    _, heat = draw_view("multimodal", regions, importances, DEFAULT_THRESHOLD)
    photograph = Image.open(io.BytesIO(display.content)).convert("RGB")
    overlay = Image.open(io.BytesIO(heat)).convert("RGBA").resize(photograph.size, Image.Resampling.NEAREST)
    axis.imshow(photograph)
    axis.imshow(overlay, alpha=OPACITY)
    target = _literal(database.titles().get(found.target, found.target))
    mark = "right" if sample.right else "wrong"
    axis.set_title(f"{target} ({percent(found.probability)}): {mark}", fontsize=9, wrap=True)


def _literal(text: str) -> str:
    """Text as it is: matplotlib would set what stands between dollar signs as a formula."""
    return text.replace("$", r"\$")
