"""Every query of the browser finds its rows by an index: none reads a big table from end to end."""

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
        ("samples by id", lambda reader: reader.samples_by_id([1, 2], MODEL)),
        ("sample ids", lambda reader: reader.sample_ids([PATH])),
        ("outcomes", lambda reader: reader.outcomes(MODEL)),
        ("explanations of a class", lambda reader: reader.explanations_of_class(MODEL, LABEL)),
        ("faithfulness of a class", lambda reader: reader.faithfulness_of_class(MODEL, LABEL)),
        ("samples", lambda reader: reader.samples(LABEL, MODEL, "test")),
        ("sample", lambda reader: reader.sample(PATH)),
        ("predictions", lambda reader: reader.predictions(MODEL, PATH)),
        ("explanations", lambda reader: reader.explanations(MODEL, PATH)),
        ("predicted explanations", lambda reader: reader.predicted_explanations(MODEL, LABEL, "test")),
        ("class explanations", lambda reader: reader.class_explanations(MODEL, LABEL)),
        ("groups", lambda reader: reader.groups(MODEL, LABEL, "text")),
        ("groups by id", lambda reader: reader.groups_by_id([1, 2])),
        ("centroids", lambda reader: reader.centroids(MODEL)),
        ("deletion", lambda reader: reader.deletion()),
        ("faithfulness", lambda reader: reader.faithfulness(MODEL, PATH)),
        ("noise", lambda reader: reader.noise(MODEL, LABEL)),
        ("image shares", lambda reader: reader.image_shares(MODEL)),
        ("image shares of a class", lambda reader: reader.image_shares(MODEL, LABEL)),
        ("picture", lambda reader: reader.picture(PATH, "display")),
        ("sprite", lambda reader: reader.sprite(LABEL, "test")),
        ("label map", lambda reader: reader.label_map(PATH)),
        ("sources of picture parts", lambda reader: reader.part_sources([PATH], "image")),
        ("sources of words", lambda reader: reader.part_sources([PATH], "text")),
        ("search", lambda reader: reader.search("mjolk")),
        ("found texts", lambda reader: reader.found_texts([["mjolk", "mjlk"], ["before"]])),
        ("samples with", lambda reader: reader.samples_with("best before")),
        ("hits", lambda reader: reader.hits([1, 2])),
        ("entry weights", lambda reader: reader.entry_weights([1, 2])),
        ("classes", lambda reader: reader.classes(MODEL)),
        ("shared groups", lambda reader: reader.shared_groups(MODEL, "text")),
        ("figures of a sample", lambda reader: reader.figures("faithfulness", MODEL, path=PATH)),
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
