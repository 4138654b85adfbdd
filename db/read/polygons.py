"""The polygons of many samples' OCR entries, in one read."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, Text, cast, select

from db.schema.tables import OcrEntry, Point


def polygons_of(connection: Connection, samples: Any) -> dict[int, list[list[Point]]]:
    """By sample, one an entry in order of position; a sample without entries has an empty list.

    Args:
        samples: what SQLAlchemy's `in_` takes: the samples' keys, or a query of them.
    """
    query = (
        select(OcrEntry.sample_id, cast(OcrEntry.polygon, Text))
        .where(OcrEntry.sample_id.in_(samples))
        .order_by(OcrEntry.sample_id, OcrEntry.position)
    )
    rows = connection.execute(query).all()
    found: dict[int, list[list[Point]]] = defaultdict(list)
    parsed = json.loads(f"[{','.join(text for _, text in rows)}]")  # one call: a class has thousands
    for (key, _), polygon in zip(rows, parsed, strict=True):
        found[key].append(polygon)
    return found
