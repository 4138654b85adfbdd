"""Writing exported records as JSON lines, CSV or Parquet, a few at a time."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TextIO

from sqlalchemy import Engine

from db.commands.export import EXPORTS, Record
from db.errors import UserError
from db.values import json_text, plain

Format = Literal["jsonl", "csv", "parquet"]
_CHUNK = 200  # records in one row group of Parquet


def write(engine: Engine, name: str, form: Format, out: Path | None) -> None:
    """Write all records of an export to a file, or to stdout where `out` is None; memory does not grow with them.

    A float reads back as the same float. NaN becomes null in JSON and empty in CSV; there, lists and objects are JSON.

    Raises:
        UserError: Parquet without a file.
    """
    export = EXPORTS[name]
    records = ({field: record[field] for field in export.fields} for record in export.records(engine))
    if form == "parquet":
        if out is None:
            raise UserError("parquet is no text for a terminal: add --out FILE")
        _write_parquet(records, export.fields, out)
        return
    target: AbstractContextManager[TextIO] = (
        nullcontext(sys.stdout) if out is None else out.open("w", encoding="utf-8", newline="")
    )
    with target as file:
        if form == "jsonl":
            file.writelines(json_text(record) + "\n" for record in records)
        else:
            writer = csv.DictWriter(file, list(export.fields), lineterminator="\n")
            writer.writeheader()
            writer.writerows({name: _cell(value) for name, value in record.items()} for record in records)


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return json_text(value) if isinstance(value, list | tuple | dict) else plain(value)


def _write_parquet(records: Iterator[Record], fields: Mapping[str, str], out: Path) -> None:
    import pyarrow  # a heavy import that only this format needs
    import pyarrow.parquet

    types = {
        "text": pyarrow.string(),
        "json": pyarrow.string(),
        "number": pyarrow.float64(),
        "integer": pyarrow.int64(),
        "flag": pyarrow.bool_(),
        "texts": pyarrow.list_(pyarrow.string()),
        "numbers": pyarrow.list_(pyarrow.float32()),
        "integers": pyarrow.list_(pyarrow.int64()),
    }
    schema = pyarrow.schema([(name, types[kind]) for name, kind in fields.items()])
    with out.open("wb") as file, pyarrow.parquet.ParquetWriter(file, schema) as writer:
        while chunk := list(islice(records, _CHUNK)):
            rows = [{name: json_text(r[name]) if fields[name] == "json" else r[name] for name in fields} for r in chunk]
            writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema))
