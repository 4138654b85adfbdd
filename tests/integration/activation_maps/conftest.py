"""Fixtures of the tests of this stage."""

from tests.integration.activation_maps.place import place  # noqa: F401
