"""The world of one test."""

from __future__ import annotations

import pytest

from tests.unit.core.actors.actor_world import World


@pytest.fixture
def world() -> World:
    return World()
