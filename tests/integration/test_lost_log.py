"""A log that goes away under a running hub."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.integration.hub import RealHub, wait_for

LOG_LOST = 4


def move(log: Path) -> None:
    log.rename(log.with_name("moved.sqlite"))


def move_wal(log: Path) -> None:
    log.with_name(f"{log.name}-wal").rename(log.with_name("moved.sqlite-wal"))


def replace(log: Path) -> None:
    move(log)
    log.write_bytes(b"")


@pytest.mark.parametrize("away", [move, move_wal, replace])
def test_nothing_is_acknowledged_any_more_and_the_hub_ends_with_a_status_of_its_own(
    hub: RealHub, away: Callable[[Path], None]
) -> None:
    assert hub.begin("alice").status_code in (201, 202)
    hub.wait_ready("alice")
    away(hub.database)
    answer = hub.api("POST", "/users/bob", direct=True)
    assert answer.status_code == 503
    assert "callboard.sqlite" in answer.json()["message"]
    assert hub.process is not None
    assert hub.process.wait(20) == LOG_LOST
    (told,) = [
        line for line in hub.log().splitlines() if line.startswith("callboard: ")
    ]  # the proxy writes, too
    assert "while the hub ran" in told
    assert hub.page("alice").status_code == 200, "servers and proxy go on"


def test_it_is_noticed_while_nothing_is_recorded_and_what_was_acknowledged_is_in_the_file_that_was_moved(
    hub: RealHub,
) -> None:
    move(hub.database)
    assert hub.process is not None
    wait_for(lambda: hub.process is not None and hub.process.poll() is not None, 20)
    assert hub.process.returncode == LOG_LOST
    wal = hub.database.with_name(f"{hub.database.name}-wal")
    hub.database.with_name("moved.sqlite").rename(hub.database)
    assert wal.exists(), "the WAL stays beside its log's old name, and so the two are together again"
    hub.start()
    assert hub.user("alice")["name"] == "alice"
    hub.check_log()


def test_commands_sent_while_it_goes_away_are_refused_or_there(hub: RealHub) -> None:
    """A client that goes on making users: whoever was acknowledged is in the file."""
    made: list[str] = []
    for number in range(200):
        if number == 60:
            move(hub.database)
        try:
            answer = hub.api("POST", f"/users/user{number}", direct=True)
        except requests.ConnectionError:
            break
        assert answer.status_code in (201, 503)
        if answer.status_code == 201:
            made.append(f"user{number}")
    assert len(made) == 60
    assert hub.process is not None
    assert hub.process.wait(20) == LOG_LOST
    hub.database.with_name("moved.sqlite").rename(hub.database)
    hub.start()
    assert {name for name in made if hub.user(name)["name"] == name} == set(made)
    hub.check_log()
