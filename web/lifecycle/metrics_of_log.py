"""How long starts, stops and routes took, read off the events as they are recorded."""

from __future__ import annotations

import collections
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import trio

from core.events import codec
from core.events.hub import ClockCorrected, shift
from core.events.record import Record
from core.events.server import (
    ServerDied,
    ServerLost,
    ServerStopped,
    SpawnAdmitted,
    SpawnAnswered,
    SpawnCancelled,
    SpawnFailed,
    SpawnRequested,
    SpawnSucceeded,
    StopRequested,
)
from web.monitoring.metrics import Metrics
from web.proxies.connected import Proxies

WAITING = 10_000  # changes of routes that are remembered until every proxy has them


class MetricsOfLog:
    def __init__(self, metrics: Metrics, proxies: Proxies) -> None:
        self._metrics = metrics
        self._proxies = proxies
        self._began: dict[str, datetime] = {}  # by spawn id: the start or stop under way
        self._queued: dict[str, datetime] = {}  # by spawn id: those that wait for their turn
        self._routes: collections.deque[tuple[int, float, Callable[[float], None]]] = collections.deque(
            maxlen=WAITING
        )
        self._on: dict[type, Callable[[Record, Any], None]] = {
            SpawnRequested: self._begin,
            SpawnAdmitted: self._admit,
            SpawnAnswered: self._lead,
            SpawnSucceeded: self._succeed,
            SpawnFailed: self._fail,
            SpawnCancelled: self._stop,
            StopRequested: self._stop,
            ServerStopped: self._end,
            ServerDied: self._die,
            ServerLost: self._die,
            ClockCorrected: self._follow_clock,
        }

    def on_records(self, records: Sequence[Record]) -> None:
        """A listener of the store."""
        for record in records:
            self._metrics.recorded(codec.tag_of(record.event))
            on = self._on.get(type(record.event))
            if on is not None:
                on(record, record.event)

    def applied(self, position: int) -> None:
        """Every connected proxy has the routes as of `position`."""
        now = trio.current_time()
        while self._routes and self._routes[0][0] <= position:
            _, began, observe = self._routes.popleft()
            observe(now - began)

    def _follow_clock(self, _: Record, event: ClockCorrected) -> None:
        shift(self._began, event)
        shift(self._queued, event)

    def _begin(self, record: Record, event: SpawnRequested) -> None:
        (self._queued if event.queued else self._began)[event.spawn_id] = record.at

    def _admit(self, record: Record, event: SpawnAdmitted) -> None:
        self._began[event.spawn_id] = record.at
        self._waited(record, event.spawn_id, "admitted")

    def _waited(self, record: Record, spawn_id: str, end: str) -> float | None:
        """Seconds; None for what does not wait, or was queued under an earlier hub."""
        since = self._queued.pop(spawn_id, None)
        if since is None:
            return None
        seconds = (record.at - since).total_seconds()
        self._metrics.waited(seconds, end)
        return seconds

    def _lead(self, record: Record, _: SpawnAnswered) -> None:
        self._wait_for_proxies(record, self._metrics.route_added)

    def _succeed(self, record: Record, event: SpawnSucceeded) -> None:
        if (seconds := self._took(record, event.spawn_id)) is not None:
            self._metrics.started(seconds, "success")

    def _fail(self, record: Record, event: SpawnFailed) -> None:
        """400s are the fault of what was asked for: a failure; else it is an error."""
        if (waited := self._waited(record, event.spawn_id, "expired")) is not None:
            self._metrics.started(waited, "failure", "throttled")
        if (seconds := self._took(record, event.spawn_id)) is None:
            return
        if event.status < 500:
            self._metrics.started(seconds, "failure", "error")
        else:
            self._metrics.started(seconds, "error", "exited" if event.exit_status is not None else "error")

    def _stop(self, record: Record, event: StopRequested | SpawnCancelled) -> None:
        if self._waited(record, event.spawn_id, "cancelled") is not None:
            return
        self._began[event.spawn_id] = record.at
        self._drop_route(record)

    def _end(self, record: Record, event: ServerStopped) -> None:
        if (seconds := self._took(record, event.spawn_id)) is not None:
            self._metrics.stopped(seconds, confirmed=not event.leftover)

    def _die(self, record: Record, event: ServerDied | ServerLost) -> None:
        self._began.pop(event.spawn_id, None)
        self._drop_route(record)

    def _drop_route(self, record: Record) -> None:
        self._wait_for_proxies(record, self._metrics.route_ended)

    def _wait_for_proxies(self, record: Record, observe: Callable[[float], None]) -> None:
        if self._proxies.connected:
            self._routes.append((record.position, trio.current_time(), observe))

    def _took(self, record: Record, spawn_id: str) -> float | None:
        """Seconds; None for what began under an earlier hub."""
        began = self._began.pop(spawn_id, None)
        return None if began is None else (record.at - began).total_seconds()
