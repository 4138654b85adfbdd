"""Small data sets written by tests, and the data set stage run on them."""

from __future__ import annotations

import json
import shutil
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, joinedload, selectinload

from db import session
from db.schema.base import Base
from db.schema.tables import Problem, Sample
from db.write.writer import Writer
from precompute.context import RunContext
from precompute.dataset.ingest import IngestReport, ingest
from precompute.recipe import Recipe
from tests.run_context import open_context

SQUARE = [[2, 2], [12, 2], [12, 8], [2, 8]]


def noise(name: str, width: int, height: int) -> Image.Image:
    """A picture that differs from that of any other name."""
    random = np.random.default_rng(zlib.crc32(name.encode()))
    return Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8))


@dataclass(frozen=True)
class DatasetFolder:
    """A data set being written."""

    root: Path

    def picture(self, path: str, content: str = "", size: tuple[int, int] = (40, 30), orientation: int = 1) -> Path:
        """Write a picture; `content` = a name to draw it by, the path if empty."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        exif = Image.Exif()
        exif[0x0112] = orientation
        noise(content or path, *size).save(file, exif=exif)
        return file

    def metadata(self, folder: str, *rows: dict[str, Any] | str) -> None:
        """Write metadata.jsonl; a row that is a string is written as it stands."""
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        self.text(f"{folder}/metadata.jsonl", "".join(f"{line}\n" for line in lines))

    def text(self, path: str, content: str) -> None:
        """Write a text file."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")


def entry(text: str = "MJÖLK", polygon: Any = SQUARE, confidence: Any = 0.5) -> dict[str, Any]:
    """An OCR entry as metadata.jsonl has it."""
    return {"text": text, "polygon": polygon, "confidence": confidence}


@pytest.fixture
def folder(tmp_path: Path) -> DatasetFolder:
    """An empty data set folder, with spaces in its name."""
    root = tmp_path / "my data set"
    root.mkdir()
    return DatasetFolder(root)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the schema alone; copying it is a hundred times faster than making one."""
    path = tmp_path_factory.mktemp("schema") / "empty.db"
    session.finish(session.create(f"sqlite:///{path}"))
    return path


@pytest.fixture
def ingestion(tmp_path: Path, empty_database: Path) -> Iterator[Ingestion]:
    """A new SQLite database to ingest into."""
    shutil.copy(empty_database, tmp_path / "ingested.db")
    ingestion = Ingestion(f"sqlite:///{tmp_path / 'ingested.db'}")
    yield ingestion
    ingestion.engine.dispose()


class Ingestion:
    """A database that data set folders are ingested into."""

    def __init__(self, url: str) -> None:
        self.engine: Engine = session.create(url)
        self.run_id = Writer(self.engine).start_run({}, "settings", 0, {}, "data", "artifacts")

    def __call__(self, folder: Path | DatasetFolder, workers: int = 1, **settings: Any) -> IngestReport:
        """Run the stage; `settings` are those of a recipe."""
        root = folder.root if isinstance(folder, DatasetFolder) else folder
        return ingest(self.context(root, Recipe.model_validate(settings), workers=workers))

    def context(self, folder: Path | DatasetFolder, recipe: Recipe | None = None, **options: Any) -> RunContext:
        """For running further stages; `options` are those of RunOptions."""
        root = folder.root if isinstance(folder, DatasetFolder) else folder
        return open_context(self.engine, root, recipe, run_id=self.run_id, **options)

    def samples(self) -> dict[str, Sample]:
        """Samples, with class and entries, by path."""
        query = select(Sample).options(joinedload(Sample.category), selectinload(Sample.entries))
        with Session(self.engine) as session:
            return {sample.path: sample for sample in session.scalars(query)}

    def labels(self) -> dict[str, str]:
        """The class of each sample by path."""
        return {path: sample.category.label for path, sample in self.samples().items()}

    def problems(self) -> list[Problem]:
        """All problems, in the order of their files and lines."""
        with Session(self.engine) as session:
            found = session.scalars(select(Problem)).all()
        return sorted(found, key=lambda problem: (problem.file, problem.line or 0, problem.message))

    def only_problem(self) -> tuple[str, int | None, str | None, str]:
        """(file, line, sample, message) of the one problem."""
        (problem,) = self.problems()
        assert problem.stage == "ingest"
        return problem.file, problem.line, problem.sample, problem.message

    def rows(self, table: type[Base], without: Sequence[str] = ()) -> list[tuple[Any, ...]]:
        """All rows of a table, ordered by their columns, with binary content."""
        columns = [column for column in table.__table__.columns if column.name not in without]
        with self.engine.connect() as connection:
            return sorted((tuple(map(_plain, row)) for row in connection.execute(select(*columns))), key=repr)


def _plain(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | dict) else value
