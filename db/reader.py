"""The one way to read results: names in, frozen records of db/views.py out."""

from __future__ import annotations

from sqlalchemy import Engine

from db.activation_maps import ActivationMaps
from db.catalogue import Catalogue
from db.findings import Findings
from db.media import Media
from db.outcomes import OutcomeColumns
from db.search import Search
from db.state import State


class Reader(Catalogue, Findings, ActivationMaps, OutcomeColumns, Media, Search, State):
    """Everything that the browser, the global stage and the commands ask of a database.

    Each call is one short read of its own, so a reader may be shared by threads. A name that is not stored gives
    None where one thing is asked for and an empty list where many are.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
