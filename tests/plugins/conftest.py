"""Real hubs in the environments of plug-ins: `make_hub(programs=environment("spawners"), config=...)`."""

from __future__ import annotations

from tests.integration.conftest import make_hub

__all__ = ["make_hub"]
