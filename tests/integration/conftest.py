"""Real hubs for the tests in this directory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.hub import RealHub

MakeHub = Callable[..., RealHub]


@pytest.fixture
def make_hub(tmp_path: Path) -> Iterator[MakeHub]:
    """Makes hubs that are not started yet; at the end nothing of them is left."""
    made: list[RealHub] = []

    def make(**options: Any) -> RealHub:
        hub = RealHub(tmp_path / f"hub{len(made)}", **options)
        made.append(hub)
        return hub

    yield make
    for hub in made:
        hub.close()


@pytest.fixture
def hub(make_hub: MakeHub) -> RealHub:
    """A hub that serves, with the user alice."""
    hub = make_hub()
    hub.start()
    hub.add_user("alice")
    return hub
