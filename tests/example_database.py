"""A database with every table filled by consistent made-up numbers, for the tests of db and app."""

from __future__ import annotations

import zlib
from collections import Counter

import numpy as np
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from db.schema.base import Base
from db.schema.tables import Category, Evaluation, Evidence, GlobalGroup, Mask, Model, OcrEntry, Sample
from db.session import create, finish
from db.write.writer import Writer
from tests.example_activation import add_embedding_classifier, probability_map
from tests.example_evaluations import deletion_rows, faithfulness_row
from tests.example_outcomes import HASH, Made, Outcome, explain, form_groups, predict, prediction
from tests.example_pictures import ORIGINAL, label_map, line_polygon, picture, segmentation, sprite
from tests.stored_rows import RowStore

MODELS = ("feature_concatenation", "score_fusion", "embracenet", "image", "text")
NAMES = ("Arla-Mjölk", "Oat & <i>Rye</i>", "Zeta-Juice")
FAMILIES = ("milk", "bread", None)


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
    store = RowStore(engine, run)
    made = [_ingest(store, i, label, samples) for i, label in enumerate(labels)]
    keys = [of_class[0].row.category_id for of_class in made]
    for position, name in enumerate(MODELS[:models]):
        _add_model(engine, store, position, name, labels, keys, made)
    _add_the_rest(store, keys, made[0][0])
    if embedding:
        add_embedding_classifier(store, models, labels, keys, [one.row for of_class in made for one in of_class])
    store.add_problem("ingest", "test/metadata.jsonl", "not JSON: expected ',' in column 7", line=12)
    store.fail("ocr", "test/broken.jpg", "test/broken.jpg: cannot identify image file", HASH)
    writer.finish_run()
    finish(engine)


def _ingest(store: RowStore, category: int, label: str, count: int) -> list[Made]:
    title = f"{label} 1 l" if category == 0 else None
    owner = Category(run_id=store.run_id, label=label, display_name=title, family=FAMILIES[category % 3])
    made, rows, paths = [], list[Base](), {"test": list[str](), "train": list[str]()}
    for index in range(count):
        split = "train" if index % 4 == 3 else "test"
        path = f"{split}/{label}/x_{index:03}.jpg"
        paths[split].append(path)
        row = Sample(
            run_id=store.run_id,
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
    store.finish("ingest", label, rows, mark=HASH, seconds=0.5)
    return [Made(row, c, i, blocks.id, n, texts, weak) for row, c, i, blocks, n, texts, weak in made]


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
    store: RowStore,
    position: int,
    name: str,
    labels: list[str],
    keys: list[int],
    made: list[list[Made]],
) -> None:
    explained = name not in ("image", "text")
    row = Model(
        run_id=store.run_id,
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
    outcomes = [[predict(sample, position, len(labels)) for sample in samples] for samples in made]
    for outcome in (one for of_class in outcomes for one in of_class if one.made.test):
        confusion[labels[outcome.made.category], labels[outcome.predicted]] += 1
        among_three.append(outcome.made.category in np.argsort(-outcome.probabilities, kind="stable")[:3])
    right = sum(count for (true, predicted), count in confusion.items() if true == predicted)
    row.accuracy = right / confusion.total()
    row.top3_accuracy = float(np.mean(among_three))
    row.confusion = [[*pair, count] for pair, count in sorted(confusion.items())]
    store.finish("train", name, [row], mark=HASH, seconds=2.0)
    for label, of_class in zip(labels, outcomes, strict=True):
        answers = [prediction(outcome, row.id, keys) for outcome in of_class]
        store.finish("predict", f"{name}|{label}", answers, mark=HASH, model_id=row.id, seconds=0.1)
        if not explained:
            continue
        for outcome in of_class:
            if outcome.made.test:
                rows, sample = explain(outcome, row, keys), outcome.made.row
                unit = {"mark": HASH, "model_id": row.id, "sample_id": sample.id, "seconds": 1.5}
                store.finish("explain-local", f"{name}|{sample.path}", rows, **unit)
        groups = form_groups(of_class, row, label, keys)
        store.finish("explain-global", f"{name}|{label}", groups, mark=HASH, model_id=row.id, seconds=0.2)
    if explained:
        _evaluate(engine, store, row, labels, [one for of_class in outcomes for one in of_class if one.explanations])


def _evaluate(engine: Engine, store: RowStore, model: Model, labels: list[str], outcomes: list[Outcome]) -> None:
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
    store.finish("rank-global", model.name, mark=HASH, model_id=model.id)
    with Session(engine) as session, session.begin():
        session.execute(update(GlobalGroup), concepts)
    for row in deletion_rows(model.id):
        store.finish("evaluate-deletion", f"{model.name}|{row.modality}", [row], mark=HASH, model_id=model.id)
    for outcome in outcomes:
        row = faithfulness_row(outcome.explanations[outcome.predicted])
        key = f"{model.name}|{outcome.made.row.path}"
        about = {"model_id": model.id, "sample_id": row.sample_id}
        store.finish("evaluate-faithfulness", key, [row], mark=HASH, **about)


def _add_the_rest(store: RowStore, keys: list[int], made: Made) -> None:
    """One row of each table that only some data sets and recipes fill."""
    sample = made.row.id
    mask = Mask(sample_id=sample, width=256, height=256, content=label_map(2, 2))
    planted: list[Base] = [
        mask,
        Evidence(sample_id=sample, kind="entry", entry_position=0, polygon=line_polygon(0)),
        Evidence(sample_id=sample, kind="region", entry_position=None, polygon=line_polygon(1)),
    ]
    store.finish("ingest", "planted", planted, mark=HASH)
    maps = [probability_map(1, sample, stage) for stage in (1, 2, 3, 4)]
    store.finish("activation", f"{MODELS[0]}|{made.row.path}", maps, mark=HASH, model_id=1, sample_id=sample)
    figures = Evaluation(kind="planted", sample_id=sample, category_id=keys[0], figures={"hit": True, "chance": None})
    store.finish("evaluate-planted", "all", [figures], mark=HASH)
