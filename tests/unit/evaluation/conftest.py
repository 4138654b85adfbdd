"""Fixtures of the evaluations' tests."""

from tests.unit.evaluation.shop import shop  # noqa: F401
