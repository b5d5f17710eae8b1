"""Real hubs for the slow ones of these tests."""

from tests.integration.conftest import make_hub

__all__ = ["make_hub"]
