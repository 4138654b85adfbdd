"""Fixtures of the engine's tests."""

from tests.dataset_folder import empty_database, ingestion  # noqa: F401
from tests.run_context import bars  # noqa: F401
from tests.toy_stage import toy  # noqa: F401
