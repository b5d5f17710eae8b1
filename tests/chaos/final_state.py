"""What is there once all fault is over."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import requests

from tests.chaos.clients import Client, TokenHolder
from tests.chaos.history import FinalState, Recorder
from tests.integration.hub import RealHub

REST = 40.0  # seconds in which all comes to rest
STEP = 0.05


class NoRestError(Exception):
    """A hub to which nothing is done any more does not become well."""


def settle(hub: RealHub, keep: Callable[[], None]) -> None:
    """Wait until hub and proxy are well. Raises NoRestError."""
    deadline = time.monotonic() + REST
    while (ill := _illness(hub)) is not None:
        if time.monotonic() > deadline:
            raise NoRestError(f"{ill}\n{hub.log()[-6000:]}")
        keep()
        time.sleep(STEP)


def _illness(hub: RealHub) -> str | None:
    try:
        answers = [
            hub.request("GET", "/hub/health", token=None, direct=direct, timeout=5)
            for direct in (True, False)
        ]
    except requests.RequestException as error:
        return str(error)
    bad = [
        f"{answer.status_code} {answer.text}"
        for answer in answers
        if answer.status_code != 200 or answer.text
    ]
    return bad[0] if bad else None


def find(hub: RealHub, recorder: Recorder, clients: Sequence[Client]) -> FinalState:
    """Ends all servers, and the hub. Each subject is looked at once more."""
    unsettled = list(_unsettled(hub))
    _look_at_all(recorder, clients)
    running = _running(hub)
    unsettled += _end_servers(hub, [server for server, _ in running])
    strays = tuple(f"{left.pid} {left.prefix} {left.spawn_id}" for left in hub.processes() if left.spawn_id)
    unsettled += _end_hub(hub)
    return FinalState(tuple(unsettled), tuple(running), strays, tuple(_doubles(hub)), tuple(_unsound(hub)))


def _pending(hub: RealHub) -> list[str]:
    return [
        f"{user['name']}: {server}"
        for user in _users(hub)
        for server in user["servers"].values()
        if server["pending"]
    ]


def _users(hub: RealHub) -> list[dict[str, Any]]:
    answer = hub.api("GET", "/users?limit=200&state=active")
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()
    return found


def _unsettled(hub: RealHub) -> Iterator[str]:
    left = _wait_none(lambda: _pending(hub))
    yield from (f"still pending: {one}" for one in left)


def _wait_none(left: Callable[[], list[str]]) -> list[str]:
    deadline = time.monotonic() + REST
    while (found := left()) and time.monotonic() < deadline:
        time.sleep(STEP)
    return found


def _look_at_all(recorder: Recorder, clients: Sequence[Client]) -> None:
    looker = clients[0]
    for subject in sorted({operation.subject for operation in recorder.operations}):
        if subject.partition("/")[0] in ("user", "group", "server"):
            looker.look(subject)
    for client in clients:
        if isinstance(client, TokenHolder):
            client.look_at_all()


def _running(hub: RealHub) -> list[tuple[str, int]]:
    return [
        (user["name"], len(hub.server_processes(f"/user/{user['name']}/")))
        for user in _users(hub)
        if any(server["ready"] for server in user["servers"].values())
    ]


def _end_servers(hub: RealHub, names: Sequence[str]) -> list[str]:
    for name in names:
        hub.end(name)
    left = _wait_none(lambda: [name for name in names if not hub.server(name)["stopped"]])
    return [f"does not stop: {name}" for name in left]


def _end_hub(hub: RealHub) -> list[str]:
    status = hub.terminate()
    return [f"the hub ended with status {status} when it was told to"] if status else []


def _doubles(hub: RealHub) -> Iterator[str]:
    for path in (hub.directory / "homes").glob("*/doubles"):
        yield from path.read_text().splitlines()


def _unsound(hub: RealHub) -> Iterator[str]:
    with contextlib.suppress(AssertionError):
        verified = hub.run_another("verify", "-f", str(hub.config_file))
        if verified.returncode != 0:
            yield verified.stdout + verified.stderr
    try:
        hub.check_log()
    except Exception as error:
        yield repr(error)
