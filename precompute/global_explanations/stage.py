"""The stage that aggregates stored explanations: one work unit a model and class."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, cast

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from torch import Tensor

from db.tables import Base, Category, Evaluation, GlobalGroup, GlobalMember, Model, Sample, Segmentation
from db.writer import Writer
from precompute.dataset.samples import load_picture
from precompute.global_explanations.class_explanation import ModalityGroups, explain_class
from precompute.global_explanations.features import Modality, StoredExplanation, true_class_explanations
from precompute.global_explanations.groups import RankedGroup
from precompute.global_explanations.image_groups import Embed, PartEmbeddings, SegmentedPicture
from precompute.global_explanations.text_groups import spellings
from precompute.local_explanations.segments import decode_label_map
from precompute.models.protocol import Model as LoadedModel
from precompute.progress import Progress
from precompute.recipe import Recipe, settings_hash

STAGE = "explain-global"


class ImageClassifier(Protocol):
    """The trained image model: its tower and its head's hidden layer."""

    def embed_images(self, images: Tensor) -> Tensor: ...

    def hidden(self, image_embeddings: Tensor) -> Tensor: ...


def explain_global(
    engine: Engine,
    writer: Writer,
    recipe: Recipe,
    dataset: Path,
    models: Mapping[str, LoadedModel],
    progress: Progress,
) -> None:
    """Aggregate the explanations of every explained model and class; units that are up to date are kept.

    Memory is bounded by one class. A class of which no explanation is stored has no unit. Beside its groups a unit
    stores one Evaluation of kind 'global' a modality: explained, support, features, noise, rare, and, where no group
    is shown, the reason.

    Args:
        models: loaded models by name; of them only the one of kind `image` is used, to embed parts of pictures.
        progress: told (units finished, units in all).
    """
    with Session(engine) as session:
        stored = session.scalars(select(Model).order_by(Model.position)).all()
        categories = session.execute(select(Category.id, Category.label).order_by(Category.label)).all()
    classifier = next((model for model in stored if model.kind == "image" and model.name in models), None)
    embed = None if classifier is None else _hidden_layer(models[classifier.name])
    explained = [model for model in stored if model.explained]
    # What image groups depend on beside the explanations.
    sight = [recipe.towers.image_size, classifier.checkpoint_hash if classifier else None]
    current: set[tuple[str, str]] = set()
    for position, (category_id, label) in enumerate(categories):
        parts = None if embed is None else _parts(engine, dataset, embed, recipe)
        for place, model in enumerate(explained):
            progress(position * len(explained) + place, len(categories) * len(explained))
            with Session(engine) as session:
                explanations = true_class_explanations(session, model.id, category_id)
            if not explanations:
                continue
            unit_hash = settings_hash(recipe.global_, sight, [[e.id, e.stamp] for e in explanations])
            key = f"{model.name}|{label}"
            current.add((unit_hash, key))
            if key not in writer.done(STAGE, unit_hash):
                _explain_unit(writer, unit_hash, key, (model.id, category_id), explanations, parts, recipe)
    writer.prune(STAGE, current)
    progress(len(categories) * len(explained), len(categories) * len(explained))


def _explain_unit(
    writer: Writer,
    unit_hash: str,
    key: str,
    ids: tuple[int, int],
    explanations: list[StoredExplanation],
    parts: PartEmbeddings | None,
    recipe: Recipe,
) -> None:
    model_id, category_id = ids
    started = time.perf_counter()
    try:
        found = explain_class(explanations, parts.of if parts else None, recipe.global_)
    except OSError as error:
        message = f"{error}: the picture was read at ingest and no longer can be; run the stage ingest again"
        writer.fail_unit(STAGE, unit_hash, key, message, model_id=model_id)
        return
    rows: list[Base] = []
    for modality, groups in found.items():
        rows += [_group_row(ranked, model_id, category_id) for ranked in groups.groups]
        rows.append(_summary(groups, modality, model_id, category_id))
    seconds = time.perf_counter() - started
    writer.finish_unit(STAGE, unit_hash, key, rows, model_id=model_id, seconds=seconds)


def _hidden_layer(model: LoadedModel) -> Embed:
    classifier = cast(ImageClassifier, model)
    return lambda crops: classifier.hidden(classifier.embed_images(crops))


def _parts(engine: Engine, dataset: Path, embed: Embed, recipe: Recipe) -> PartEmbeddings:
    return PartEmbeddings(embed, _loader(engine, dataset), recipe.towers.image_size, recipe.runtime.batch_size)


def _loader(engine: Engine, dataset: Path) -> Callable[[str], SegmentedPicture]:
    def load(path: str) -> SegmentedPicture:
        query = select(Segmentation.label_map).join(Sample).where(Sample.path == path)
        with Session(engine) as session:
            label_map = decode_label_map(session.execute(query).scalar_one())
        return load_picture(dataset / path, label_map.shape[0]), label_map

    return load


def _group_row(ranked: RankedGroup, model_id: int, category_id: int) -> GlobalGroup:
    group = ranked.group
    return GlobalGroup(
        model_id=model_id,
        category_id=category_id,
        modality=group.modality,
        rank=ranked.rank,
        name=group.name or f"image group {ranked.rank}",
        score=ranked.score,
        samples=group.samples,
        spellings=spellings(group.members) if group.modality == "text" else {},
        members=[
            GlobalMember(
                explanation_id=member.explanation_id,
                sample_id=member.sample_id,
                feature=member.index,
                weight=member.weight,
                representative=position == 0,
            )
            for position, member in enumerate(group.members)
        ],
    )


def _summary(groups: ModalityGroups, modality: Modality, model_id: int, category_id: int) -> Evaluation:
    figures = {
        "explained": groups.explained,
        "support": groups.support,
        "features": groups.features,
        "noise": groups.noise,
        "rare": groups.rare,
        "reason": groups.reason,
    }
    return Evaluation(kind="global", model_id=model_id, category_id=category_id, modality=modality, figures=figures)
