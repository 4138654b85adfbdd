"""What the groups of a real database look like: noise, groups a class, and the largest text groups with spellings.

python -m tests.benchmarks.groups --db sqlite:///groceries.db --against sqlite:///groceries-tower.db

`--against`: the same explanations grouped by the bare tower (`global.embedding = "tower"`), for P1 §4.2. Text groups
are checked against their rule: every spelling at least 0.75 like the representative's and with the same digits. Prints
tables and one JSON line.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.definitions.spelling import same_word
from db.plain_table import table
from db.schema.tables import Category, Evaluation, GlobalGroup, GlobalMember, Model, OcrEntry
from db.session import open_read_only

LARGEST = 30


def image_groups(session: Session) -> list[dict[str, Any]]:
    """Of each model: parts that went in, the share of noise, groups shown a class, classes without one."""
    query = (
        select(Model.name, Evaluation.figures)
        .join(Model, Model.id == Evaluation.model_id)
        .where(Evaluation.kind == "groups", Evaluation.modality == "image")
        .order_by(Model.position)
    )
    of: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for name, figures in session.execute(query):
        of[name].append(figures)
    return [
        {
            "model": name,
            "classes": len(found),
            "samples": sum(one["explained"] for one in found),
            "parts": sum(one["parts"] for one in found),
            "noise": sum(one["noise"] for one in found) / max(1, sum(one["parts"] for one in found)),
            "groups a class": float(np.mean([one["groups"] for one in found])),
            "without": sum(not one["groups"] for one in found),
        }
        for name, found in of.items()
    ]


def text_groups(session: Session) -> list[dict[str, Any]]:
    """The largest text groups of all models and classes; a group of several models is listed once."""
    query = (
        select(GlobalGroup, Model.name, Category.label)
        .join(Model, Model.id == GlobalGroup.model_id)
        .join(Category, Category.id == GlobalGroup.category_id)
        .where(GlobalGroup.modality == "text")
    )
    found: dict[tuple[str, tuple[str, ...]], dict[str, Any]] = {}
    for group, model, label in session.execute(query):
        spellings = dict(sorted(group.spellings.items(), key=lambda item: (-item[1], item[0])))
        row = {
            "class": label,
            "members": sum(spellings.values()),
            "models": [],
            "spellings": spellings,
            "wrong": _wrong(session, group),
        }
        found.setdefault((label, tuple(sorted(spellings))), row)["models"].append(model)
    return sorted(found.values(), key=lambda row: (-row["members"], row["class"]))


def _wrong(session: Session, group: GlobalGroup) -> list[str]:
    """Members that do not match the representative."""
    query = (
        select(OcrEntry.text, GlobalMember.representative)
        .join(
            GlobalMember, (GlobalMember.sample_id == OcrEntry.sample_id) & (GlobalMember.feature == OcrEntry.position)
        )
        .where(GlobalMember.group_id == group.id)
    )
    texts = session.execute(query).all()
    word = next(text for text, representative in texts if representative)
    return [text for text, _ in texts if not same_word(text, word, 0.75)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", required=True)
    parser.add_argument("--against", help="the same, grouped by the bare tower")
    options = parser.parse_args()
    result: dict[str, Any] = {}
    for key, url in (("hidden layer", options.db), ("bare tower", options.against)):
        if url:
            with Session(open_read_only(url)) as session:
                result[key] = image_groups(session)
    headings = ("image groups by", "model", "samples", "parts", "noise", "groups a class", "without")
    lines = [
        [
            *(key, row["model"], str(row["samples"]), str(row["parts"])),
            *(f"{row['noise']:.1%}", f"{row['groups a class']:.2f}", str(row["without"])),
        ]
        for key, rows in result.items()
        for row in rows
    ]
    print(table([headings, *lines], "<<>>>>>"))
    with Session(open_read_only(options.db)) as session:
        texts = text_groups(session)
    wrong = sum(len(row["wrong"]) for row in texts)
    print(f"\n{len(texts)} text groups, {wrong} members that do not match their representative; the {LARGEST} largest:")
    for row in texts[:LARGEST]:
        words = ", ".join(f"{text} {count}" for text, count in row["spellings"].items())
        print(f"{row['members']:4}  {row['class']:36.36}  {words}")
    result |= {"text groups": len(texts), "wrong members": wrong, "largest": texts[:LARGEST]}
    print(json.dumps(result, ensure_ascii=False))


if __name__ == "__main__":
    main()
