"""What is there once all fault is over."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import requests

from tests.chaos.clients import Client, TokenHolder
from tests.chaos.history import FinalState, Operation, Outcome, Recorder
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
    """Ends all servers, and the hub. Each subject is read once more."""
    pending = _wait_none(lambda: _pending(hub))
    departing = _wait_none(lambda: _departing(hub, recorder))
    _read_all(recorder, clients)
    running = tuple((url, len(hub.server_processes(url))) for _, _, url in _ready(hub))
    not_stopped = _end_servers(hub)
    strays = _wait_none(lambda: [f"{left.pid} of {left.prefix}" for left in hub.processes() if left.spawn_id])
    unsettled = (*pending, *departing, *not_stopped, *_end_hub(hub))
    return FinalState(unsettled, running, tuple(strays), tuple(_doubles(hub)), tuple(_unsound(hub)))


def _wait_none(left: Callable[[], list[str]]) -> list[str]:
    """What is left after a while, if anything is."""
    deadline = time.monotonic() + REST
    while (found := left()) and time.monotonic() < deadline:
        time.sleep(STEP)
    return found


def _users(hub: RealHub) -> list[dict[str, Any]]:
    answer = hub.api("GET", "/users?limit=200&state=active")
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()
    return found


def _pending(hub: RealHub) -> list[str]:
    return [
        f"{server['url']} is still pending: {server['pending']}"
        for user in _users(hub)
        for server in user["servers"].values()
        if server["pending"]
    ]


def _departing(hub: RealHub, recorder: Recorder) -> list[str]:
    """Users whose deletion was acknowledged, and who are there: their servers may take a while to end."""
    last = {one.subject: one for one in recorder.operations if isinstance(one, Operation)}
    deleted = [one for one in last.values() if one.outcome is Outcome.DONE and not one.wants]
    names = [one.subject.removeprefix("user/") for one in deleted if one.subject.startswith("user/")]
    return [f"{name} is not gone" for name in names if hub.api("GET", f"/users/{name}").status_code != 404]


def _read_all(recorder: Recorder, clients: Sequence[Client]) -> None:
    reader = clients[0]
    for subject in sorted({operation.subject for operation in recorder.operations}):
        if subject.partition("/")[0] in ("user", "group", "member", "server"):
            reader.read(subject)
    for client in clients:
        if isinstance(client, TokenHolder):
            client.look_at_all()


def _ready(hub: RealHub) -> list[tuple[str, str, str]]:
    """User, name and URL path of each server that is ready."""
    return [
        (user["name"], name, server["url"])
        for user in _users(hub)
        for name, server in user["servers"].items()
        if server["ready"]
    ]


def _end_servers(hub: RealHub) -> list[str]:
    for user, name, _ in _ready(hub):
        hub.end(user, name)
    return _wait_none(lambda: [f"{url} does not stop" for _, _, url in _ready(hub)])


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
