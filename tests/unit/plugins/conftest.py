from __future__ import annotations

from typing import Any

import pytest

from core.plugins.spawner import Attempt
from spawners.simulated import SimulatedSpawner


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[Attempt]:
    """What the spawner was asked to start."""
    seen: list[Attempt] = []
    start = SimulatedSpawner.start

    async def noting(self: SimulatedSpawner, attempt: Attempt, report: Any) -> str:
        seen.append(attempt)
        return await start(self, attempt, report)

    monkeypatch.setattr(SimulatedSpawner, "start", noting)
    return seen
