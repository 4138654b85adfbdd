"""Fixtures of the data set stage on real data."""

from tests.dataset_folder import empty_database, folder, ingestion  # noqa: F401
