"""The stage that groups stored explanations, one work unit a model and class, and has the groups ranked."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Protocol

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from torch import Tensor

from db.tables import Base, Category, Evaluation, GlobalGroup, GlobalMember, Model, Sample, Segmentation
from db.writer import Writer
from precompute.dataset.samples import load_picture
from precompute.global_explanations.class_explanation import ModalityGroups, explain_class
from precompute.global_explanations.features import Modality, StoredExplanation, true_class_explanations
from precompute.global_explanations.groups import RankedGroup, rank_groups
from precompute.global_explanations.image_groups import Embed, PartEmbeddings, SegmentedPicture
from precompute.global_explanations.ranking import rank_models
from precompute.global_explanations.scores import normlime_score
from precompute.global_explanations.text_groups import spellings
from precompute.local_explanations.segments import decode_label_map
from precompute.progress import Progress
from precompute.recipe import GlobalSettings, Recipe, settings_hash

STAGE = "explain-global"
STORED = "groups, places"
"""What a unit stores; changed, every class is grouped anew."""


class ImageClassifier(Protocol):
    """The trained image model: its tower and its head's hidden layer."""

    def embed_images(self, images: Tensor) -> Tensor: ...

    def hidden(self, image_embeddings: Tensor) -> Tensor: ...


def explain_global(
    engine: Engine,
    writer: Writer,
    recipe: Recipe,
    dataset: Path,
    load_classifier: Callable[[], ImageClassifier] | None,
    progress: Progress,
) -> None:
    """Group the explanations of every explained model and class, then rank the groups; what is up to date is kept.

    Memory is bounded by one class, in ranking by one model. A class of which no explanation is stored has no unit.
    Beside its groups a unit stores one Evaluation of kind 'groups' a modality: what went in, what is noise, and, where
    no group is shown, the reason.

    Args:
        load_classifier: the trained image model, called only if parts of pictures are to be embedded; None where there
            is none.
        progress: told (units finished, units in all).
    """
    with Session(engine) as session:
        stored = session.scalars(select(Model).order_by(Model.position)).all()
        categories = session.execute(select(Category.id, Category.label).order_by(Category.label)).all()
    settings = recipe.global_
    embed = None if load_classifier is None else embedding(load_classifier, settings)
    explained = [model for model in stored if model.explained]
    image_model = next((model for model in stored if model.kind == "image"), None)
    # What image groups depend on beside the explanations.
    sight = [recipe.towers.image_size, image_model.checkpoint_hash if image_model and embed else None]
    grouping = settings.model_dump(mode="json", exclude={"score", "picks"})
    current: set[tuple[str, str]] = set()
    for position, (category_id, label) in enumerate(categories):
        parts = None if embed is None else part_embeddings(engine, dataset, embed, recipe)
        for place, model in enumerate(explained):
            progress(position * len(explained) + place, len(categories) * len(explained))
            with Session(engine) as session:
                explanations = true_class_explanations(session, model.id, category_id, settings.split)
            if not explanations:
                continue
            unit_hash = settings_hash(STORED, grouping, sight, [[e.id, e.stamp] for e in explanations])
            key = f"{model.name}|{label}"
            current.add((unit_hash, key))
            if key not in writer.done(STAGE, unit_hash):
                _explain_unit(writer, unit_hash, key, (model.id, category_id), explanations, parts, recipe)
    writer.prune(STAGE, current)
    rank_models(engine, writer, explained, settings, STAGE)
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
        scores = [normlime_score([m.weight for m in g.members], [m.norm for m in g.members]) for g in groups.groups]
        rows += [_group_row(ranked, model_id, category_id) for ranked in rank_groups(groups.groups, scores)]
        rows.append(_summary(groups, modality, model_id, category_id))
    seconds = time.perf_counter() - started
    writer.finish_unit(STAGE, unit_hash, key, rows, model_id=model_id, seconds=seconds)


def embedding(load_classifier: Callable[[], ImageClassifier], settings: GlobalSettings) -> Embed:
    """What parts of pictures are compared by; the classifier is loaded at the first crop."""
    loaded = cache(load_classifier)
    if settings.embedding == "tower":
        return lambda crops: loaded().embed_images(crops)
    return lambda crops: loaded().hidden(loaded().embed_images(crops))


def part_embeddings(engine: Engine, dataset: Path, embed: Embed, recipe: Recipe) -> PartEmbeddings:
    """Embeddings of superpixels of stored samples."""
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
        centroid=group.centroid,
        radius=group.radius,
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
    figures: dict[str, object] = {
        "explained": groups.explained,
        "support": groups.support,
        "parts": groups.parts,
        "noise": groups.noise,
        "rare": groups.rare,
        "groups": len(groups.groups),
        "reason": groups.reason,
    }
    if groups.places:
        figures["places"] = groups.places
    return Evaluation(kind="groups", model_id=model_id, category_id=category_id, modality=modality, figures=figures)
