"""The stage that groups stored explanations, one work unit a model and class; `ranking` then ranks the groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Protocol, cast

from torch import Tensor

from db.read.reader import Reader
from db.records.explanations import Modality, TrueClassExplanation
from db.records.samples import Split
from db.records.written import EvaluationRecord, GroupRecord, MemberRecord, Record
from precompute.context import RunContext, cores
from precompute.dataset.samples import LabelledSample, sample_picture, stored_samples
from precompute.engine import ByKey, Stage, Task, grouped
from precompute.executors import Job
from precompute.global_explanations.class_explanation import ModalityGroups, explain_class
from precompute.global_explanations.groups import RankedGroup, rank_groups
from precompute.global_explanations.image_groups import Embed, SegmentedPicture, SuperpixelEmbeddings
from precompute.global_explanations.scores import normlime_score
from precompute.global_explanations.text_groups import spellings
from precompute.local_explanations.superpixels import decode_label_map
from precompute.models.worker import ModelSetup, model_setup
from precompute.provenance import INPUTS, SETTINGS
from precompute.recipe import GlobalSettings, Recipe, settings_hash

EXPLAIN_GLOBAL = "explain-global"
STORED = "groups, places"
"""What a unit stores; changed, every class is grouped anew."""


class ImageClassifier(Protocol):
    """The trained image model: its tower and its head's hidden layer."""

    def embed_images(self, images: Tensor) -> Tensor: ...

    def hidden(self, image_embeddings: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class SegmentedSample:
    """A sample with its stored superpixels as PNG."""

    sample: LabelledSample
    label_map: bytes

    def decode(self, size: int) -> SegmentedPicture:
        """The picture uint8 [size, size, 3] and its label map."""
        return sample_picture(self.sample, size), decode_label_map(self.label_map)


@dataclass(frozen=True)
class Request:
    """A class's explanations by the key of the task, and its samples with their superpixels by path."""

    label: str
    explanations: Mapping[str, Sequence[TrueClassExplanation]]
    samples: Mapping[str, SegmentedSample]


@dataclass(frozen=True)
class GroupingState:
    """The settings, and what embeds crops of pictures: None where no image classifier is trained."""

    recipe: Recipe
    embed: Embed | None


@dataclass(frozen=True)
class GroupingSetup:
    """How to load the trained image model `name`; it is loaded at the first crop."""

    recipe: Recipe
    name: str | None
    models: ModelSetup | None

    @contextmanager
    def start(self) -> Iterator[GroupingState]:
        if self.models is None:
            yield GroupingState(self.recipe, None)
            return
        setup, name = self.models, self.name

        @cache
        def classifier() -> ImageClassifier:
            return cast("ImageClassifier", setup.load()[name or ""])

        with setup.threaded():
            yield GroupingState(self.recipe, embedding(classifier, self.recipe.global_))


def explain_global_stage(recipe: Recipe) -> Stage:
    """The stage, with the settings of a recipe; memory is bounded by one class.

    Beside its groups a unit stores one Evaluation of kind 'groups' a modality: what went in, what is noise, and, where
    no group is shown, the reason. A class of which no explanation is stored has no unit.
    """
    return Stage(
        name=EXPLAIN_GLOBAL,
        settings=SETTINGS[EXPLAIN_GLOBAL](recipe),
        inputs=INPUTS[EXPLAIN_GLOBAL],
        tasks=_tasks,
        work=_group_class,
        rows=_rows,
        jobs=_jobs,
        load=_with_explanations,
        setup=lambda context, _: grouping_setup(context),
        counted="class and model",
        in_process=True,
    )


def _tasks(context: RunContext) -> Iterator[Task]:
    recipe, reader = context.recipe, Reader(context.engine)
    stored = reader.models.stored()
    stamps = reader.explanations.stamps(_split(recipe))
    image_model = next((model for model in stored if model.kind == "image"), None)
    has_image_model = image_model is not None and image_model_name(recipe) is not None
    # What image groups depend on beside the explanations.
    image_inputs = [recipe.towers.image_size, image_model.checkpoint_hash if image_model and has_image_model else None]
    grouping = SETTINGS[EXPLAIN_GLOBAL](recipe)
    for label in reader.classes.labels():
        for model in stored:
            explained = stamps.get((model.name, label)) if model.explained else None
            if explained:
                yield Task(
                    key=f"{model.name}|{label}",
                    mark=settings_hash(STORED, grouping, image_inputs, [list(one) for one in explained]),
                    payload=label,
                    model=model.name,
                )


def _jobs(_: RunContext, tasks: Sequence[Task]) -> Iterator[Job]:
    """All models of a class together: a superpixel that several rely on is embedded once."""
    for found in grouped(tasks, lambda task: task.payload):
        yield Job(tuple(task.key for task in found), tuple(found))


def _with_explanations(context: RunContext, job: Job) -> Job:
    tasks: Sequence[Task] = job.payload
    label: str = tasks[0].payload
    reader = Reader(context.engine)
    explanations = {
        task.key: reader.explanations.of_true_class(task.model, label, _split(context.recipe))
        for task in tasks
        if task.model is not None
    }
    return replace(job, payload=Request(label, explanations, segmented_samples(context, label)))


def _split(recipe: Recipe) -> Split | None:
    """The split whose explanations form groups, None = both."""
    return None if recipe.global_.split == "all" else recipe.global_.split


def segmented_samples(context: RunContext, label: str) -> dict[str, SegmentedSample]:
    """The samples of a class that have superpixels, by path."""
    label_maps = Reader(context.engine).pictures.label_maps(label)
    samples = stored_samples(context.engine, context.dataset, label=label)
    return {one.path: SegmentedSample(one, label_maps[one.path]) for one in samples if one.path in label_maps}


def image_model_name(recipe: Recipe) -> str | None:
    """The recipe's image model, whose features superpixels are compared by."""
    return next((model.name for model in recipe.models if model.kind == "image"), None)


def grouping_setup(context: RunContext) -> GroupingSetup:
    """How to embed superpixels, on all cores: the number of threads may change an embedding's last digits, so it
    must not follow --workers."""
    name = image_model_name(context.recipe)
    return GroupingSetup(context.recipe, name, None if name is None else model_setup(context, [name], cores()))


def _group_class(state: GroupingState, request: Request) -> ByKey:
    embeddings = superpixel_embeddings(state, request.samples)
    of = None if embeddings is None else embeddings.of
    return ByKey({key: explain_class(found, of, state.recipe.global_) for key, found in request.explanations.items()})


def embedding(classifier: Callable[[], ImageClassifier], settings: GlobalSettings) -> Embed:
    """The embedding that superpixels are compared by."""
    if settings.embedding == "tower":
        return lambda crops: classifier().embed_images(crops)
    return lambda crops: classifier().hidden(classifier().embed_images(crops))


def superpixel_embeddings(state: GroupingState, samples: Mapping[str, SegmentedSample]) -> SuperpixelEmbeddings | None:
    """Embeddings of superpixels of samples; None where no image classifier is trained."""
    if state.embed is None:
        return None
    size = state.recipe.towers.image_size
    return SuperpixelEmbeddings(
        state.embed, lambda path: samples[path].decode(size), size, state.recipe.runtime.batch_size
    )


def _rows(task: Task, answers: Sequence[dict[Modality, ModalityGroups]]) -> list[Record]:
    assert task.model is not None
    model, label = task.model, task.payload
    records: list[Record] = []
    for modality, groups in answers[0].items():
        # provisional; rank-global overwrites it
        scores = [normlime_score([m.weight for m in g.members], [m.norm for m in g.members]) for g in groups.groups]
        records += [_group_record(ranked, model, label) for ranked in rank_groups(groups.groups, scores)]
        records.append(_summary(groups, modality, model, label))
    return records


def _group_record(ranked: RankedGroup, model: str, label: str) -> GroupRecord:
    group = ranked.group
    return GroupRecord(
        model=model,
        label=label,
        modality=group.modality,
        rank=ranked.rank,
        name=group.name or f"image group {ranked.rank}",
        score=ranked.score,
        samples=group.samples,
        spellings=spellings(group.members) if group.modality == "text" else {},
        centroid=group.centroid,
        radius=group.radius,
        members=[
            MemberRecord(
                explanation_id=member.explanation_id,
                sample_id=member.sample_id,
                feature=member.index,
                weight=member.weight,
                representative=position == 0,
            )
            for position, member in enumerate(group.members)
        ],
    )


def _summary(groups: ModalityGroups, modality: Modality, model: str, label: str) -> EvaluationRecord:
    figures: dict[str, object] = {
        "explained": groups.explained,
        "support": groups.support,
        "parts": groups.features,
        "noise": groups.noise,
        "rare": groups.rare,
        "groups": len(groups.groups),
        "reason": groups.reason,
    }
    if groups.projection:
        figures["places"] = groups.projection
    return EvaluationRecord(kind="groups", model=model, label=label, modality=modality, figures=figures)
