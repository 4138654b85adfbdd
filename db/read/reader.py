"""The one way to read a database: names in, frozen records of db/records out.

    reader = Reader(open_read_only("sqlite:///explanations.db"))
    for sample in reader.samples.of_class("Arla-Sour-Milk", model="score_fusion"):
        found = reader.explanations.of("score_fusion", sample.path)

To add a read: write a method in the module of its subject (`db/read/samples.py`, ...) that opens one connection, asks
one query that an index answers, and returns a frozen dataclass of the module of the same name in `db/records`. Then
name it in `tests/unit/db/read/test_plans.py`, which asks SQLite how each query finds its rows. A new subject is a
module with one class like the others, and one line below.
"""

from __future__ import annotations

from db.read.activation import Activation
from db.read.classes import Classes
from db.read.embedding import Embedding
from db.read.evaluations import Evaluations
from db.read.explanations import Explanations
from db.read.groups import Groups
from db.read.models import Models
from db.read.pictures import Pictures
from db.read.predictions import Predictions
from db.read.runs import Runs
from db.read.samples import Samples
from db.read.search import Search
from db.read.units import Units
from db.session import Engine


class Reader:
    """Everything that the browser, the stages and the commands ask of a database, by subject.

    Each call is one short read of its own, so a reader may be shared by threads. A name that is not stored gives
    None where one thing is asked for and an empty list where many are.
    """

    def __init__(self, engine: Engine) -> None:
        self.runs = Runs(engine)
        self.units = Units(engine)
        self.models = Models(engine)
        self.classes = Classes(engine)
        self.samples = Samples(engine)
        self.pictures = Pictures(engine)
        self.predictions = Predictions(engine)
        self.explanations = Explanations(engine)
        self.groups = Groups(engine)
        self.embedding = Embedding(engine)
        self.activation = Activation(engine)
        self.evaluations = Evaluations(engine)
        self.search = Search(engine)
