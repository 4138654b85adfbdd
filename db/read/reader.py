"""The one way to read results: names in, frozen records of db/records/views.py out."""

from __future__ import annotations

from sqlalchemy import Engine

from db.read.activation import ActivationMaps
from db.read.catalogue import Catalogue
from db.read.findings import Findings
from db.read.outcomes import OutcomeColumns
from db.read.pictures import Media
from db.read.progress import State
from db.read.search import Search


class Reader(Catalogue, Findings, ActivationMaps, OutcomeColumns, Media, Search, State):
    """Everything that the browser, the global stage and the commands ask of a database.

    Each call is one short read of its own, so a reader may be shared by threads. A name that is not stored gives
    None where one thing is asked for and an empty list where many are.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
