"""What can be done with a hub is done by whoever asks: no request of the web is needed for it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def told() -> dict[str, object]:
    """By a process of its own: this one has loaded everything."""
    command = [sys.executable, "-m", "tests.unit.timed_start"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    told: dict[str, object] = json.loads(done.stdout)
    return told


def test_a_timer_starts_a_server_and_removes_it_and_quart_is_not_even_loaded(told: dict[str, object]) -> None:
    assert (told["was ready"], told["is gone"], told["quart"]) == (True, True, False)


def test_what_a_timer_does_is_recorded_as_its_own(told: dict[str, object]) -> None:
    assert told["recorded"] == ["ServerAdded", "SpawnRequested", "ServerRemovalRequested"]
