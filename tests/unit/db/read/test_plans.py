"""Queries of the browser, and of stages by class, use an index: none reads a big table from end to end."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import event

from db import session
from db.read.reader import Reader

MODEL, LABEL = "score_fusion", "Zeta-Juice"
PATH = f"test/{LABEL}/x_000.jpg"
BIG = (
    "sample",
    "picture",
    "ocr_entry",
    "segmentation",
    "prediction",
    "explanation",
    "global_group",
    "global_member",
    "evaluation",
)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("samples by id", lambda reader: reader.samples.by_id([1, 2], MODEL)),
        ("sample ids", lambda reader: reader.samples.ids([PATH])),
        ("outcomes", lambda reader: reader.predictions.outcomes(MODEL)),
        ("explanations of a class", lambda reader: reader.explanations.of_class(MODEL, LABEL)),
        ("faithfulness of a class", lambda reader: reader.evaluations.faithfulness_of_class(MODEL, LABEL)),
        ("samples", lambda reader: reader.samples.of_class(LABEL, MODEL, "test")),
        ("sample", lambda reader: reader.samples.get(PATH)),
        ("predictions", lambda reader: reader.predictions.of(MODEL, PATH)),
        ("explanations", lambda reader: reader.explanations.of(MODEL, PATH)),
        ("predicted explanations", lambda reader: reader.explanations.for_overlays(MODEL, LABEL, "test")),
        ("class explanations", lambda reader: reader.explanations.of_true_class(MODEL, LABEL)),
        ("groups", lambda reader: reader.groups.of_class(MODEL, LABEL, "text")),
        ("groups by id", lambda reader: reader.groups.by_id([1, 2])),
        ("centroids", lambda reader: reader.groups.centroids(MODEL)),
        ("deletion", lambda reader: reader.evaluations.deletion()),
        ("faithfulness", lambda reader: reader.evaluations.faithfulness(MODEL, PATH)),
        ("noise", lambda reader: reader.groups.noise(MODEL, LABEL)),
        ("image shares", lambda reader: reader.explanations.image_shares(MODEL)),
        ("image shares of a class", lambda reader: reader.explanations.image_shares(MODEL, LABEL)),
        ("picture", lambda reader: reader.pictures.of_sample(PATH, "display")),
        ("sprite", lambda reader: reader.pictures.sprite(LABEL, "test")),
        ("label map", lambda reader: reader.pictures.label_map(PATH)),
        ("label maps of a class", lambda reader: reader.pictures.label_maps(LABEL)),
        ("samples of a class with entries", lambda reader: reader.samples.including_entries(label=LABEL)),
        ("right predictions of a class", lambda reader: reader.predictions.right_on_test(MODEL, LABEL)),
        ("image groups of a class", lambda reader: reader.groups.image_groups(MODEL, LABEL)),
        ("sources of picture parts", lambda reader: reader.pictures.part_sources([PATH], "image")),
        ("sources of words", lambda reader: reader.pictures.part_sources([PATH], "text")),
        ("search", lambda reader: reader.search.entries("mjolk")),
        ("found texts", lambda reader: reader.search.texts([["mjolk", "mjlk"], ["before"]])),
        ("samples with", lambda reader: reader.search.samples("best before")),
        ("hits", lambda reader: reader.search.entries_by_id([1, 2])),
        ("entry weights", lambda reader: reader.search.entry_weights([1, 2])),
        ("classes", lambda reader: reader.classes.all(MODEL)),
        ("shared groups", lambda reader: reader.groups.shared(MODEL, "text")),
        ("figures of a sample", lambda reader: reader.evaluations.figures("faithfulness", MODEL, path=PATH)),
    ],
)
def test_no_big_table_is_scanned(small_database: str, name: str, call: Callable[[Reader], object]) -> None:
    engine = session.open_read_only(small_database)
    asked: list[tuple[str, tuple[object, ...]]] = []
    event.listen(engine, "before_cursor_execute", lambda *of: asked.append((of[2], of[3])))
    call(Reader(engine))
    plans = []
    with engine.connect() as connection:
        for statement, parameters in [one for one in asked if one[0].startswith("SELECT")]:
            plans += [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    assert plans
    scans = [line for line in plans if line.split()[:2][-1] in BIG and line.startswith("SCAN")]
    assert [line for line in scans if "COVERING INDEX" not in line] == []
    # a whole model's explanations are read for its histogram, and then from the narrow index alone
    if name in ("image shares", "image shares of a class", "outcomes"):
        assert any("COVERING INDEX ix_explanation_modality" in line for line in plans)
    elif name != "classes":
        assert not any(line.endswith("(model_id=?)") and "explanation" in line for line in plans), plans
