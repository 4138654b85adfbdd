"""The opened databases: their names in the address, their versions, and a cache of what pages read often."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar, get_args

import numpy as np
import numpy.typing as npt

from app.drawing.heatmaps import Regions
from db import address
from db.definitions.principal_plane import principal_plane
from db.definitions.spelling import fold
from db.read.reader import Reader
from db.records.classes import ClassView
from db.records.evaluations import FaithfulnessView
from db.records.explanations import ExplanationView, ImageShare, Modality
from db.records.groups import GroupCentroids, GroupView, SharedGroup
from db.records.models import ModelView
from db.records.predictions import Outcomes
from db.records.samples import SampleDetail, SampleView, Split
from db.records.search import FoundText
from db.session import open_read_only

Value = TypeVar("Value")
Places = npt.NDArray[np.float64]

CACHED_VALUES, CACHED_WORDS = 1024, 16
SERVER_SECONDS = 2.0  # how long a database server is not asked again whether it has changed
_DRAWING = hashlib.sha256(
    b"".join(file.read_bytes() for file in sorted((Path(__file__).parent / "drawing").glob("*.py")))
).digest()


@dataclass(frozen=True)
class Sheet:
    """A sprite sheet's shape: sample i lies in column i % columns, row i // columns, in a tile of `tile` pixels."""

    tile: int
    columns: int
    rows: int
    samples: tuple[str, ...]


class Database:
    """One database, read-only. Safe for threads; what it keeps is dropped as soon as the database changes.

    `key` tells it from other databases of the same name: what a browser notes of one must not turn up in another.
    """

    def __init__(self, url: str, name: str) -> None:
        self.name = name
        self.shown = address.shown(url)
        self.url = url
        self._engine = open_read_only(url)
        self.reader = Reader(self._engine)
        self._file = address.sqlite_path(url)
        self.key = hashlib.sha256(str(self._file.resolve() if self._file else self.shown).encode()).hexdigest()[:12]
        self._lock = threading.Lock()
        self._cache: dict[tuple[Any, ...], Any] = {}
        self._cache_version = ""
        self._asked: tuple[float, str] | None = None
        self._inode: int | None = None
        self._texts_with = lru_cache(maxsize=CACHED_WORDS)(lambda _, word: self.reader.search.texts([[word]]))

    def version(self) -> str:
        """Changes when the database does: stands in the address of everything that browsers may keep for ever."""
        if self._file is None:
            return self._server_version()
        stamp, *further = (_stamp(file) for file in (self._file, self._file.with_name(self._file.name + "-wal")))
        if stamp is not None and stamp[0] != self._inode:
            self._inode = stamp[0]
            self._engine.dispose()  # its connections still read the file that was replaced
        return self._hash([stamp, *further])

    def _server_version(self) -> str:
        if self._asked is None or time.monotonic() - self._asked[0] > SERVER_SECONDS:
            parts = [(stage.stage, stage.done, stage.failed, str(stage.last)) for stage in self.reader.runs.progress()]
            self._asked = (time.monotonic(), self._hash(parts))
        return self._asked[1]

    def _hash(self, parts: Sequence[object]) -> str:
        return _short_hash(repr((self.shown, parts)))

    def models(self) -> list[ModelView]:
        """As `Reader.models.all`."""
        return self._cached(("models",), self.reader.models.all)

    def classes(self, model: str | None) -> list[ClassView]:
        """As `Reader.classes.all`."""
        return self._cached(("classes", model), lambda: self.reader.classes.all(model))

    def titles(self) -> dict[str, str]:
        """The name to show of each class, by label."""
        return self._cached(("titles",), lambda: {view.label: view.title for view in self.reader.classes.all()})

    def samples(self, label: str, model: str | None) -> list[SampleView]:
        """As `Reader.samples.of_class` of both splits."""
        return self._cached(("samples", label, model), lambda: self.reader.samples.of_class(label, model))

    def sample(self, path: str) -> SampleDetail | None:
        """As `Reader.samples.get`."""
        return self._cached(("sample", path), lambda: self.reader.samples.get(path))

    def explanations(self, model: str, path: str) -> list[ExplanationView]:
        """As `Reader.explanations.of`."""
        return self._cached(("explanations", model, path), lambda: self.reader.explanations.of(model, path))

    def class_explanations(self, model: str, label: str) -> dict[str, ExplanationView]:
        """As `Reader.explanations.of_class`, by sample."""

        def read() -> dict[str, ExplanationView]:
            return {found.sample: found for found in self.reader.explanations.of_class(model, label)}

        return self._cached(("class explanations", model, label), read)

    def class_shares(self, model: str, label: str) -> list[ImageShare]:
        """As `Reader.explanations.image_shares` of one class."""
        return self._cached(("shares", model, label), lambda: self.reader.explanations.image_shares(model, label))

    def outcomes(self, model: str) -> Outcomes:
        """As `Reader.predictions.outcomes`."""
        return self._cached(("outcomes", model), lambda: self.reader.predictions.outcomes(model))

    def groups(self, model: str, label: str, modality: Modality) -> list[GroupView]:
        """As `Reader.groups.of_class`."""
        return self._cached(
            ("groups", model, label, modality), lambda: self.reader.groups.of_class(model, label, modality)
        )

    def plane(self, model: str) -> tuple[GroupCentroids, Places]:
        """Where a model's image groups lie in its embedding, and on the plane that shows most of it, 0..1."""

        def read() -> tuple[GroupCentroids, Places]:
            found = self.reader.groups.centroids(model)
            return found, principal_plane(found.vectors)

        return self._cached(("plane", model), read)

    def vocabulary(self) -> dict[str, int]:
        """As `Reader.search.vocabulary`."""
        return self._cached(("vocabulary",), self.reader.search.vocabulary)

    def folded_vocabulary(self) -> dict[str, str]:
        """The words of the vocabulary, each with its form without case and accents, in the order of these."""

        def read() -> dict[str, str]:
            return dict(sorted(((word, fold(word)) for word in self.vocabulary()), key=itemgetter(1)))

        return self._cached(("folded",), read)

    def texts_with(self, word: str) -> list[FoundText]:
        """As `Reader.search.texts` of one word; kept, for the next letter that is typed finds the same texts again."""
        return self._texts_with(self.version(), word)

    def shared_groups(self, model: str) -> list[SharedGroup]:
        """As `Reader.groups.shared` of both modalities together, those of the most classes first."""

        def read() -> list[SharedGroup]:
            found = [shared for kind in get_args(Modality) for shared in self.reader.groups.shared(model, kind)]
            return sorted(found, key=lambda shared: -len(shared.labels))

        return self._cached(("shared", model), read)

    def also_in(self, group: GroupView) -> tuple[str, ...]:
        """The other classes that share a group."""

        def read() -> dict[int, tuple[str, ...]]:
            found: dict[int, tuple[str, ...]] = {}
            for shared in self.shared_groups(group.model):
                found |= dict.fromkeys((sharing.group_id for sharing in shared.groups), shared.labels)
            return found

        labels = self._cached(("sharing", group.model), read).get(group.id, ())
        return tuple(label for label in labels if label != group.label)

    def failure(self, stage: str, key: str) -> str | None:
        """Why a unit of work failed, on one line; None where it did not."""

        def read() -> dict[tuple[str, str], str]:
            return {(unit.stage, unit.key): " ".join(unit.message.split()) for unit in self.reader.runs.failures()}

        return self._cached(("failures",), read).get((stage, key))

    def faithfulness(self, model: str, path: str) -> FaithfulnessView | None:
        """As `Reader.evaluations.faithfulness`."""
        return self._cached(("faithfulness", model, path), lambda: self.reader.evaluations.faithfulness(model, path))

    def sheet(self, label: str, split: Split) -> Sheet | None:
        """The shape of a class's sprite sheet, None where it has none."""

        def read() -> Sheet | None:
            sprite = self.reader.pictures.sprite(label, split)
            if sprite is None:
                return None
            return Sheet(sprite.tile, sprite.columns, max(sprite.height // sprite.tile, 1), sprite.samples)

        return self._cached(("sheet", label, split), read)

    def regions(self, path: str) -> Regions | None:
        """What heat maps of a sample are drawn on, None before it is segmented."""

        def read() -> Regions | None:
            detail, labels = self.sample(path), self.reader.pictures.label_map(path)
            if detail is None or labels is None:
                return None
            polygons = [entry.polygon for entry in detail.entries]
            return Regions(labels.content, polygons, (detail.width, detail.height))

        return self._cached(("regions", path), read)

    def _cached(self, key: tuple[Any, ...], read: Callable[[], Value]) -> Value:
        version = self.version()
        with self._lock:
            if self._cache_version != version:
                self._cache, self._cache_version = {}, version
            if key in self._cache:
                known: Value = self._cache[key]
                return known
        value = read()
        with self._lock:
            if self._cache_version == version:
                if len(self._cache) >= CACHED_VALUES:
                    self._cache.pop(next(iter(self._cache)))
                self._cache[key] = value
        return value


def open_databases(urls: Sequence[str]) -> dict[str, Database]:
    """Open databases under short names: the file's or the server database's, numbered where two are alike.

    Raises:
        UserError: as `db.session.open_read_only`.
    """
    databases: dict[str, Database] = {}
    for url in dict.fromkeys(urls):
        base = Path(address.parse(url).database or "database").stem
        name, number = base, 2
        while name in databases:
            name, number = f"{base}-{number}", number + 1
        databases[name] = Database(url, name)
    return databases


@lru_cache(maxsize=64)
def _short_hash(text: str) -> str:
    """Kept, since a page asks for the version hundreds of times."""
    return hashlib.sha256(_DRAWING + text.encode()).hexdigest()[:12]


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return (status.st_ino, status.st_mtime_ns, status.st_size) if status.st_size else None
