"""Fixtures of the tests of this stage."""

from tests.integration.global_explanations.place import filled, place  # noqa: F401
from tests.run_context import bars  # noqa: F401
