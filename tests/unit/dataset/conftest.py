"""Fixtures of the data set stage's tests."""

from tests.dataset_folder import empty_database, folder, ingestion  # noqa: F401
from tests.run_context import bars  # noqa: F401
from tests.unit.dataset.filled_folder import filled  # noqa: F401
