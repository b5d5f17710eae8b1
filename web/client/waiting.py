"""Waiting for a server: along its progress events, which are resumed where they break, and else by asking."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from web.client import calls
from web.client.errors import RefusedError, StartFailedError
from web.client.models import Progress, Server
from web.client.steps import Follow, Pause, Steps
from web.http1.server_sent_events import ServerSentEvent

OnEvent = Callable[[Progress], object]

PAUSE = 1.0  # seconds between two looks
TIMEOUT = 600.0


def wait_ready(
    user: str, server: str = "", *, timeout: float = TIMEOUT, on_event: OnEvent | None = None
) -> Steps[Server]:
    """The server, once it is ready. Raises StartFailedError; TimeoutError after `timeout` seconds or a little more.

    `on_event` is told of its progress, each event once.
    """
    until = time.monotonic() + timeout
    watch = _Watch(on_event)
    while True:
        yield from watch.follow(user, server, until)
        if watch.failure is not None:
            raise StartFailedError(watch.failure)
        found = yield from calls.server(user, server)
        if found.ready:
            return found
        if found.pending not in ("spawn", "check"):
            raise StartFailedError(f"The server {user}/{server} is not starting.")
        yield from _pause(until, f"The server {user}/{server} was not ready in time.")


def wait_stopped(
    user: str, server: str = "", *, timeout: float = TIMEOUT, on_event: OnEvent | None = None
) -> Steps[None]:
    """Return once the server has stopped, or is gone. Raises TimeoutError as wait_ready does."""
    until = time.monotonic() + timeout
    watch = _Watch(on_event)
    while True:
        try:
            found = yield from calls.server(user, server)
        except RefusedError as refused:
            if refused.status == 404:
                return
            raise
        if found.stopped or not (found.ready or found.pending):
            return
        if found.pending == "stop":
            yield from watch.follow(user, server, until)
        yield from _pause(
            until, f"The server {user}/{server} did not stop in time.", 0 if watch.is_over else PAUSE
        )


class _Watch:
    """What the events have said so far. Its stream may break, or never come: then the caller looks for itself."""

    def __init__(self, on_event: OnEvent | None) -> None:
        self._on_event = on_event
        self._last_id = ""
        self.failure: str | None = None
        self.is_over = False

    def follow(self, user: str, server: str, until: float) -> Steps[None]:
        progress = f"{calls.server_path(user, server)}/progress"
        yield Follow(progress, self._last_id, self._saw, max(until - time.monotonic(), 0))

    def _saw(self, event: ServerSentEvent) -> bool:
        self._last_id = event.id
        try:
            said = msgspec.json.decode(event.data, type=Progress)
        except msgspec.MsgspecError:
            return False
        if self._on_event is not None:
            self._on_event(said)
        if said.failed:
            self.failure = said.message
        self.is_over = said.failed or said.ready or said.stopped
        return self.is_over


def _pause(until: float, message: str, seconds: float = PAUSE) -> Steps[None]:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError(message)
    if seconds:
        yield Pause(min(seconds, left))
