"""The hub's metrics for Prometheus: JupyterHub's names, labels and buckets, and what is Callboard's own.

Durations of starts and stops are read off the log as it grows, so that no handler has to think of them; what
can be counted is counted when somebody asks. One registry for each hub. Source of the names: JupyterHub 6.1.1.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import trio
from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.registry import Collector

SPAWN_BUCKETS = (0.5, 1, 2.5, 5, 10, 15, 30, 60, 120, 180, 300, 600)
LOOP_BUCKETS = (0.05, 0.055, 0.06, 0.065, 0.07, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
BATCH_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)
APPEND_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
WAIT_BUCKETS = (1, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600)
LOOP_INTERVAL = 0.05  # seconds

RUNNING, STOPPED = (
    "ServerPollStatus.running",
    "ServerPollStatus.stopped",
)  # as JupyterHub's dashboards know them
LOGGED_IN, REFUSED = "LoginStatus.success", "LoginStatus.failure"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """`environ`: where prefix and buckets may be set, as for JupyterHub. Raises ValueError for odd buckets."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._registry = CollectorRegistry()
        self._prefix = environ.get("JUPYTERHUB_METRICS_PREFIX") or "jupyterhub"
        GCCollector(self._registry)
        PlatformCollector(self._registry)
        ProcessCollector(registry=self._registry)
        self._requests = self._histogram(
            "request_duration_seconds", "How long requests took.", ("method", "handler", "code")
        )
        self._known_requests: dict[tuple[str, str, int], Histogram] = {}
        self._spawns = self._histogram(
            "server_spawn_duration_seconds",
            "How long starts took, or those that were refused.",
            ("status", "reason"),
            _buckets(environ, "JUPYTERHUB_SERVER_SPAWN_DURATION_SECONDS_BUCKETS", SPAWN_BUCKETS),
        )
        self._stops = self._histogram(
            "server_stop_seconds",
            "How long stops took.",
            ("status",),
            _buckets(environ, "JUPYTERHUB_SERVER_STOP_DURATION_SECONDS_BUCKETS", Histogram.DEFAULT_BUCKETS),
        )
        self._polls = self._histogram(
            "server_poll_duration_seconds", "How long it took to ask after a server.", ("status",)
        )
        self._logins = self._histogram("login_duration_seconds", "How long logins took.", ("status",))
        self._logouts = self._histogram("logout_duration_seconds", "How long logouts took.")
        self._route_adds = self._histogram(
            "proxy_add_duration_seconds", "How long proxies took to follow a new route.", ("status",)
        )
        self._route_ends = self._histogram(
            "proxy_delete_duration_seconds", "How long proxies took to drop a route.", ("status",)
        )
        self._route_checks = self._histogram(
            "check_routes_duration_seconds", "How long checks of routes took."
        )
        self._proxy_polls = self._histogram(
            "proxy_poll_duration_seconds", "How long it took to take in which routes are in use."
        )
        self._startup = self._histogram("hub_startup_duration_seconds", "How long the hub took to start.")
        self._resumption = self._histogram(
            "init_spawners_duration_seconds", "How long it took to find the servers of an earlier hub."
        )
        self._loop = self._histogram(
            "event_loop_interval_seconds", "How late the event loop is.", (), LOOP_BUCKETS
        )
        self._csp_reports = Counter(
            f"{self._prefix}_csp_reports_total", "Reports of browsers on pages.", registry=self._registry
        )
        self._bad_tokens = Counter(
            "callboard_bad_tokens_total", "Requests with a token that is none.", registry=self._registry
        )
        self._appends = self._histogram(
            "append_seconds", "How long commits of the log took.", (), APPEND_BUCKETS, "callboard"
        )
        self._batches = self._histogram(
            "append_batch_size", "How many appends a commit held.", (), BATCH_BUCKETS, "callboard"
        )
        self._waits = self._histogram(
            "spawn_queue_seconds",
            "How long starts waited for their turn, and how that ended.",
            ("end",),
            WAIT_BUCKETS,
            "callboard",
        )
        self._events = Counter(
            "callboard_events_recorded_total",
            "Events recorded by this hub.",
            ("type",),
            registry=self._registry,
        )
        self._known_events: dict[str, Counter] = {}
        self._show_from_the_start()

    def _histogram(
        self,
        name: str,
        text: str,
        labels: Sequence[str] = (),
        buckets: Sequence[float] = Histogram.DEFAULT_BUCKETS,
        prefix: str = "",
    ) -> Histogram:
        return Histogram(
            f"{prefix or self._prefix}_{name}", text, labels, buckets=buckets, registry=self._registry
        )

    def _show_from_the_start(self) -> None:
        """Series that begin at 0: a dashboard can then tell the first of them from none."""
        for status in ("success", "failure", "error"):
            self._spawns.labels(status, "")
        for reason in ("throttled", "too-many-users", "already-pending"):
            self._spawns.labels("failure", reason)
        for histogram, statuses in (
            (self._logins, (LOGGED_IN, REFUSED)),
            (self._polls, (RUNNING, STOPPED)),
            (self._stops, ("success", "failure")),
            (self._route_adds, ("success", "failure")),
            (self._route_ends, ("success", "failure")),
            (self._waits, ("admitted", "expired", "cancelled")),
        ):
            for status in statuses:
                histogram.labels(status)

    @property
    def prefix(self) -> str:
        return self._prefix

    def collect_from(self, collector: Collector) -> None:
        """Ask this one too, whenever somebody asks for the metrics."""
        self._registry.register(collector)

    def as_text(self) -> bytes:
        return generate_latest(self._registry)

    # --- what has happened ---

    def answered(self, method: str, handler: str, status: int, seconds: float) -> None:
        """A request. `handler`: the name of what answered; there are only so many."""
        key = (method if method in METHODS else "OTHER", handler, status)
        known = self._known_requests.get(key)
        if known is None:
            known = self._known_requests[key] = self._requests.labels(*map(str, key))
        known.observe(seconds)

    def recorded(self, tag: str) -> None:
        """An event of this type."""
        known = self._known_events.get(tag)
        if known is None:
            known = self._known_events[tag] = self._events.labels(tag)
        known.inc()

    def started(self, seconds: float, status: str, reason: str = "") -> None:
        self._spawns.labels(status, reason).observe(seconds)

    def waited(self, seconds: float, end: str) -> None:
        """`end`: admitted, expired or cancelled."""
        self._waits.labels(end).observe(seconds)

    def stopped(self, seconds: float, *, confirmed: bool) -> None:
        self._stops.labels("success" if confirmed else "failure").observe(seconds)

    def polled(self, seconds: float, *, running: bool) -> None:
        self._polls.labels(RUNNING if running else STOPPED).observe(seconds)

    def logged_in(self, seconds: float, *, success: bool) -> None:
        self._logins.labels(LOGGED_IN if success else REFUSED).observe(seconds)

    def logged_out(self, seconds: float) -> None:
        self._logouts.observe(seconds)

    def route_added(self, seconds: float) -> None:
        self._route_adds.labels("success").observe(seconds)

    def route_ended(self, seconds: float) -> None:
        self._route_ends.labels("success").observe(seconds)

    def routes_checked(self, seconds: float) -> None:
        self._route_checks.observe(seconds)

    def use_of_routes_told(self, seconds: float) -> None:
        self._proxy_polls.observe(seconds)

    def hub_started(self, seconds: float) -> None:
        self._startup.observe(seconds)

    def resumed(self, seconds: float) -> None:
        self._resumption.observe(seconds)

    def bad_token(self) -> None:
        self._bad_tokens.inc()

    def csp_reported(self) -> None:
        self._csp_reports.inc()

    def committed(self, appends: int, seconds: float) -> None:
        self._appends.observe(seconds)
        self._batches.observe(appends)

    async def watch_loop(self) -> None:
        """Measure, for as long as the hub runs, how much later than asked for the event loop comes back."""
        while True:
            began = trio.current_time()
            await trio.sleep(LOOP_INTERVAL)
            self._loop.observe(trio.current_time() - began)


def _buckets(environ: Mapping[str, str], name: str, default: Sequence[float]) -> Sequence[float]:
    text = environ.get(name, "")
    if not text:
        return default
    try:
        return sorted({float(part) for part in text.split(",")})
    except ValueError:
        raise ValueError(f"{name}: expected numbers with commas between them, not {text!r}.") from None
