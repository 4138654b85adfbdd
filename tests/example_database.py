"""A database with every table filled by consistent made-up numbers, for the tests of db and app."""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from db.schema.base import Base
from db.schema.columns import Vector
from db.schema.tables import (
    Category,
    Evaluation,
    Evidence,
    Explanation,
    GlobalGroup,
    GlobalMember,
    Mask,
    Model,
    OcrEntry,
    Prediction,
    Sample,
)
from db.session import create, finish
from db.write.writer import UnitResult, Writer
from tests.example_activation import add_embedding_classifier, probability_map
from tests.example_evaluations import deletion_rows, faithfulness_row
from tests.example_pictures import ORIGINAL, label_map, line_polygon, picture, segmentation, sprite

MODELS = ("feature_concatenation", "score_fusion", "embracenet", "image", "text")
NAMES = ("Arla-Mjölk", "Oat & <i>Rye</i>", "Zeta-Juice")
FAMILIES = ("milk", "bread", None)
HASH = "example"


@dataclass(frozen=True)
class _Made:
    """A stored sample; `weak` = all weights <= 0, `segments` of its label map, `texts` of its entries."""

    row: Sample
    category: int
    index: int
    segmentation: int
    segments: int
    texts: tuple[str, ...]
    weak: bool

    @property
    def test(self) -> bool:
        return self.row.split == "test"


@dataclass(frozen=True)
class _Outcome:
    """What a model says of a sample: its probabilities and the explanations made of them, by class."""

    made: _Made
    probabilities: Vector
    predicted: int
    runner_up: int
    explanations: dict[int, Explanation]


def build(url: str, classes: int = 3, samples: int = 4, models: int = 3, embedding: bool = False) -> None:
    """Fill a new database.

    Of each class's samples every fourth is a train sample and unexplained. Oddities, on the first test samples
    (index 0 and 1) of the first three classes: class 0: index 0 has markup and odd scripts for texts, index 1 has
    no text; class 1: index 0 is taken for class 2 by all models, index 1 has no weight above 0; class 2: index 0
    has 300 superpixels, index 1 is taken for class 0 with class 1 as runner-up.

    Args:
        classes: at least 3. The first is `Arla-Mjölk`.
        samples: of one class, in both splits.
        models: the first so many of MODELS; only the fusions are explained.
        embedding: whether there is an embedding classifier, too, see tests/example_activation.py.
    """
    engine = create(url)
    writer = Writer(engine)
    run = writer.start_run(
        settings={"recipe": {"seed": 7, "towers": {"image_size": 256}, "global": {"score": "normlime"}}},
        settings_hash=HASH,
        seed=7,
        versions={"python": "3.11"},
        dataset="/data/example",
        artifacts="example.artifacts",
    )
    labels = [NAMES[i] if i < len(NAMES) else f"class-{i:03}" for i in range(classes)]
    made = [_ingest(writer, run, i, label, samples) for i, label in enumerate(labels)]
    keys = [of_class[0].row.category_id for of_class in made]
    for position, name in enumerate(MODELS[:models]):
        _add_model(engine, writer, run, position, name, labels, keys, made)
    _add_the_rest(engine, writer, keys, made[0][0])
    if embedding:
        add_embedding_classifier(writer, run, models, labels, keys, [one.row for of_class in made for one in of_class])
    writer.add_problem("ingest", "test/metadata.jsonl", "not JSON: expected ',' in column 7", line=12)
    writer.fail_unit("ocr", HASH, "test/broken.jpg", "test/broken.jpg: cannot identify image file")
    writer.finish_run()
    finish(engine)


def _ingest(writer: Writer, run: int, category: int, label: str, count: int) -> list[_Made]:
    title = f"{label} 1 l" if category == 0 else None
    owner = Category(run_id=run, label=label, display_name=title, family=FAMILIES[category % 3])
    made, rows, paths = [], list[Base](), {"test": list[str](), "train": list[str]()}
    for index in range(count):
        split = "train" if index % 4 == 3 else "test"
        path = f"{split}/{label}/x_{index:03}.jpg"
        paths[split].append(path)
        row = Sample(
            run_id=run,
            path=path,
            split=split,
            picture_hash=f"{zlib.crc32(path.encode()):064x}",
            entries_hash=f"{zlib.adler32(path.encode()):064x}",
            width=ORIGINAL[0],
            height=ORIGINAL[1],
        )
        row.category = owner
        rows.append(row)
        texts = _texts(category, index)
        for position, text in enumerate(texts):
            confidence = None if position == 2 else 0.9
            entry = OcrEntry(position=position, text=text, polygon=line_polygon(position), confidence=confidence)
            entry.sample = row
            rows.append(entry)
        for kind in ("display", "thumbnail"):
            derived = picture(kind, category)
            derived.sample = row
            rows.append(derived)
        columns, lines = (20, 15) if (category, index) == (2, 0) else (5, 4)
        blocks = segmentation(columns, lines)
        blocks.sample = row
        if split == "test":
            rows.append(blocks)
        weak = (category, index) == (1, 1)
        made.append((row, category, index, blocks, columns * lines, texts, weak))
    for split, members in paths.items():
        if members:
            sheet = sprite(split, category, members)
            sheet.category = owner
            rows.append(sheet)
    writer.finish_unit("ingest", HASH, label, rows, seconds=0.5)
    return [_Made(row, c, i, blocks.id, n, texts, weak) for row, c, i, blocks, n, texts, weak in made]


def _texts(category: int, index: int) -> tuple[str, ...]:
    if (category, index) == (0, 1):
        return ()
    if (category, index) == (0, 0):
        return ("MJÖLK", "<b>x</b>", "3% \"fett\" & 'socker'", "حليب", "牛奶 🥛", "MJÖLK")
    return (f"word{category}", "mjölk" if index % 2 else "MJOLK", f"{100 + index}g", "best before", "x")[
        : 3 + index % 3
    ]


def _add_model(
    engine: Engine,
    writer: Writer,
    run: int,
    position: int,
    name: str,
    labels: list[str],
    keys: list[int],
    made: list[list[_Made]],
) -> None:
    explained = name not in ("image", "text")
    row = Model(
        run_id=run,
        name=name,
        kind=name,
        position=position,
        explained=explained,
        settings={"name": name, "kind": name},
        settings_hash=HASH,
        checkpoint=f"{name}.safetensors",
        checkpoint_hash=f"{position:064x}",
        classes=labels,
        history=[{"epoch": 1, "loss": 1.5}, {"epoch": 2, "loss": 0.5}],
    )
    confusion: Counter[tuple[str, str]] = Counter()
    among_three = []
    outcomes = [[_predict(sample, position, len(labels)) for sample in samples] for samples in made]
    for outcome in (one for of_class in outcomes for one in of_class if one.made.test):
        confusion[labels[outcome.made.category], labels[outcome.predicted]] += 1
        among_three.append(outcome.made.category in np.argsort(-outcome.probabilities, kind="stable")[:3])
    right = sum(count for (true, predicted), count in confusion.items() if true == predicted)
    row.accuracy = right / confusion.total()
    row.top3_accuracy = float(np.mean(among_three))
    row.confusion = [[*pair, count] for pair, count in sorted(confusion.items())]
    writer.finish_unit("train", HASH, name, [row], seconds=2.0)
    for label, of_class in zip(labels, outcomes, strict=True):
        rows = [_prediction(outcome, row.id, keys) for outcome in of_class]
        units = [UnitResult("predict", HASH, f"{name}|{label}", rows, model_id=row.id, seconds=0.1)]
        for outcome in of_class:
            if explained and outcome.made.test:
                units.append(_explain(outcome, row, keys))
        if explained:
            writer.finish_units(units)
            units = [_group(of_class, row, label, keys)]
        writer.finish_units(units)
    if explained:
        _evaluate(engine, writer, row, labels, [one for of_class in outcomes for one in of_class if one.explanations])


def _predict(made: _Made, position: int, classes: int) -> _Outcome:
    own = made.category
    wrong = (own + made.index + position) % 7 == 6 and own > 2
    predicted, runner_up = ((own + 1) % classes, own) if wrong else (own, (own + 1) % classes)
    if (own, made.index) == (1, 0):
        predicted, runner_up = 2, 1
    if (own, made.index) == (2, 1):
        predicted, runner_up = 0, 1
    rest = np.random.default_rng([own, made.index, position]).random(classes)
    probabilities = (0.15 * rest / rest.sum()).astype(np.float32)
    probabilities[predicted] += 0.6
    probabilities[runner_up] += 0.25
    return _Outcome(made, probabilities, predicted, runner_up, {})


def _prediction(outcome: _Outcome, model_id: int, keys: list[int]) -> Prediction:
    return Prediction(
        model_id=model_id,
        sample_id=outcome.made.row.id,
        category_id=keys[outcome.predicted],
        probability=float(outcome.probabilities[outcome.predicted]),
        probabilities=outcome.probabilities,
    )


def _explain(outcome: _Outcome, model: Model, keys: list[int]) -> UnitResult:
    targets = {outcome.runner_up: "runner_up", outcome.made.category: "true", outcome.predicted: "predicted"}
    for target, kind in targets.items():
        outcome.explanations[target] = _explanation(outcome, model, target, keys[target], kind)
    made = outcome.made
    rows = list(outcome.explanations.values())
    key = f"{model.name}|{made.row.path}"
    return UnitResult("explain-local", HASH, key, rows, model_id=model.id, sample_id=made.row.id, seconds=1.5)


def _explanation(outcome: _Outcome, model: Model, target: int, key: int, kind: str) -> Explanation:
    made = outcome.made
    random = np.random.default_rng([made.category, made.index, model.position, target])
    weights = random.normal(0.01, 0.05, made.segments + len(made.texts)).astype(np.float32)
    if made.weak:
        weights = -np.abs(weights)
    image, text = weights[: made.segments], weights[made.segments :]
    probability = float(outcome.probabilities[target])
    return Explanation(
        model_id=model.id,
        sample_id=made.row.id,
        segmentation_id=made.segmentation,
        category_id=key,
        kind=kind,
        probability=probability,
        surrogate_prediction=probability + 0.01,
        intercept=probability + 0.01 - float(weights.sum(dtype=np.float64)),
        r2=float(random.uniform(0.5, 0.95)),
        image_evaluations=2000,
        text_evaluations=2 ** len(made.texts),
        sampler="lime",
        fill="black",
        seed=int(random.integers(2**32)),
        image_weights=image,
        image_errors=_errors(image, model),
        text_weights=text,
        text_errors=_errors(text, model),
        image_share=_share(np.abs(image), np.abs(text)),
        image_share_positive=_share(np.maximum(image, 0), np.maximum(text, 0)),
        probability_without_text=probability * 0.8,
        probability_without_image=probability * 0.3,
    )


def _errors(weights: Vector, model: Model) -> Vector | None:
    """The first model's sampler gives none."""
    return np.full_like(weights, 0.01) if model.position else None


def _share(image: Vector, text: Vector) -> float | None:
    total = float(image.sum() + text.sum())
    return float(image.sum()) / total if total else None


def _group(outcomes: list[_Outcome], model: Model, label: str, keys: list[int]) -> UnitResult:
    """Two groups of the best and second-best superpixels, and one of the entries in position 1 (milk, misspelt)."""
    category = outcomes[0].made.category
    explained = [one for one in outcomes if one.explanations]
    groups = []
    for place in (0, 1):
        ranked = [(one, int(np.argsort(-one.explanations[category].image_weights)[place])) for one in explained]
        groups.append(_one_group("image", place + 1, f"image group {place + 1}", ranked, category))
    lettered = [(one, 1) for one in explained if len(one.made.texts) > 1]
    spellings = Counter(one.made.texts[1] for one, _ in lettered)
    if spellings:
        groups.append(_one_group("text", 1, spellings.most_common(1)[0][0], lettered, category, dict(spellings)))
    kept = [group for group in groups if group.members]
    for group in kept:
        group.model_id, group.category_id = model.id, keys[category]
    of_parts = [group for group in kept if group.modality == "image"]
    figures = {
        "explained": len(explained),
        "support": 1,
        "parts": sum(len(group.members) for group in of_parts) + 2,
        "noise": 2,
        "rare": 0,
        "groups": len(of_parts),
        "reason": None,
        "places": [
            [one.made.row.id, int(segment), round(place / len(explained), 3), rank / 2]
            for place, one in enumerate(explained)
            for rank, segment in enumerate(np.argsort(-one.explanations[category].image_weights)[:3])
        ],
    }
    noise = Evaluation(kind="groups", model_id=model.id, category_id=keys[category], modality="image", figures=figures)
    return UnitResult("explain-global", HASH, f"{model.name}|{label}", [*kept, noise], model_id=model.id, seconds=0.2)


def _one_group(
    modality: str,
    rank: int,
    name: str,
    occurrences: list[tuple[_Outcome, int]],
    category: int,
    spellings: dict[str, int] | None = None,
) -> GlobalGroup:
    members, scores = [], []
    for outcome, feature in occurrences:
        row = outcome.explanations[category]
        weight = float((row.image_weights if modality == "image" else row.text_weights)[feature])
        if weight <= 0:
            continue
        scores.append(weight**2 / float(np.abs(row.image_weights).sum() + np.abs(row.text_weights).sum()))
        member = GlobalMember(explanation_id=row.id, sample_id=row.sample_id, feature=feature, weight=weight)
        member.representative = False
        members.append(member)
    if members:
        max(members, key=lambda member: member.weight).representative = True
    return GlobalGroup(
        modality=modality,
        rank=rank,
        name=name,
        score=float(np.mean(scores)) if scores else 0.0,
        samples=len(members),
        spellings=spellings or {},
        members=members,
    )


def _evaluate(engine: Engine, writer: Writer, model: Model, labels: list[str], outcomes: list[_Outcome]) -> None:
    """The word for milk is shared by all classes that have it, the best picture part by the first and the third.

    The model called embracenet was not evaluated.
    """
    if model.name == "embracenet":
        return
    with Session(engine) as session:
        groups = session.scalars(select(GlobalGroup).where(GlobalGroup.model_id == model.id)).all()
        of_class = {row.id: row.label for row in session.scalars(select(Category))}
    milk = [group for group in groups if group.modality == "text"]
    logo = [group for group in groups if group.name == "image group 1" and of_class[group.category_id] != labels[1]]
    concepts = [{"id": group.id, "concept": 1} for group in (*milk, *logo)]
    writer.finish_units(
        [UnitResult("rank-global", HASH, model.name, model_id=model.id, changes={GlobalGroup: concepts})]
    )
    for row in deletion_rows(model.id):
        writer.finish_unit("evaluate-deletion", HASH, f"{model.name}|{row.modality}", [row], model_id=model.id)
    for outcome in outcomes:
        row = faithfulness_row(outcome.explanations[outcome.predicted])
        key = f"{model.name}|{outcome.made.row.path}"
        writer.finish_unit("evaluate-faithfulness", HASH, key, [row], model_id=model.id, sample_id=row.sample_id)


def _add_the_rest(engine: Engine, writer: Writer, keys: list[int], made: _Made) -> None:
    """One row of each table that only some data sets and recipes fill."""
    sample = made.row.id
    mask = Mask(sample_id=sample, width=256, height=256, content=label_map(2, 2))
    planted: list[Base] = [
        mask,
        Evidence(sample_id=sample, kind="entry", entry_position=0, polygon=line_polygon(0)),
        Evidence(sample_id=sample, kind="region", entry_position=None, polygon=line_polygon(1)),
    ]
    writer.finish_unit("ingest", HASH, "planted", planted)
    maps = [probability_map(1, sample, stage) for stage in (1, 2, 3, 4)]
    writer.finish_unit("activation", HASH, f"{MODELS[0]}|{made.row.path}", maps, model_id=1, sample_id=sample)
    figures = Evaluation(kind="planted", sample_id=sample, category_id=keys[0], figures={"hit": True, "chance": None})
    writer.finish_unit("evaluate-planted", HASH, "all", [figures])
