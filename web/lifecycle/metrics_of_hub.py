"""How the hub is at the moment, counted when somebody asks for the metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from core.actors.engines.reconciler import Whose
from projections import metrics as counts
from projections import routes
from web.hub.hub import Hub

ACTOR_STATES = ("Stopped", "Queued", "Spawning", "Ready", "Checking", "Stopping")
SERVICE_STATES = {"running": "running", "stopped": "stopped", "failed": "failed", "": "unknown"}


class MetricsOfHub(Collector):
    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def describe(self) -> list[Metric]:
        """Names nothing beforehand: there is nobody to clash with."""
        return []

    def collect(self) -> Iterator[Metric]:
        yield from self._people()
        yield from self._actors()
        yield from self._queue()
        yield from self._log()
        yield from self._feed()
        yield from self._outside()
        yield from self._engines()
        yield from self._plugins()

    def _people(self) -> Iterator[Metric]:
        db, prefix = self._hub.store.db, self._hub.metrics.prefix
        running = counts.servers_by_state(db).get("ready", 0)
        yield GaugeMetricFamily(f"{prefix}_running_servers", "Servers that are ready.", running)
        yield GaugeMetricFamily(f"{prefix}_total_users", "Users there are.", counts.total_users(db))
        active = GaugeMetricFamily(f"{prefix}_active_users", "Users seen in a period.", labels=["period"])
        for period, number in counts.active_users(db, datetime.now(UTC)).items():
            active.add_metric([period], number)
        yield active

    def _actors(self) -> Iterator[Metric]:
        servers = self._hub.servers
        awake = list(servers.awake())
        states = Counter(type(actor.state).__name__ for actor in awake)
        actors = GaugeMetricFamily("callboard_actors", "Actors of servers by state.", labels=["state"])
        for state in ACTOR_STATES:
            actors.add_metric([state.lower()], states[state])
        yield actors
        depths = [actor.waiting for actor in awake]
        yield GaugeMetricFamily("callboard_mailbox_calls", "Commands that wait, in all.", sum(depths))
        yield GaugeMetricFamily("callboard_mailbox_depth", "The longest wait of all.", max(depths, default=0))
        yield CounterMetricFamily("callboard_actor_restarts", "Actors that died of a bug.", servers.restarts)
        isolated = len(servers.isolated)
        yield GaugeMetricFamily("callboard_actors_isolated", "Servers set aside for a while.", isolated)

    def _queue(self) -> Iterator[Metric]:
        limits = self._hub.limits
        waiting = len(limits.queue)
        yield GaugeMetricFamily("callboard_spawn_queue_length", "Starts that wait for their turn.", waiting)
        yield GaugeMetricFamily("callboard_servers_starting", "Starts under way.", limits.spawning)

    def _log(self) -> Iterator[Metric]:
        store = self._hub.store
        yield GaugeMetricFamily("callboard_log_position", "Events there are.", store.head)
        yield GaugeMetricFamily("callboard_append_queue", "Appends that wait.", store.waiting)
        writable = 0 if store.trouble else 1
        yield GaugeMetricFamily("callboard_log_writable", "0 while nothing can be recorded.", writable)
        has_room = 1 if store.has_room else 0
        yield GaugeMetricFamily("callboard_log_has_room", "0 while its disk is full.", has_room)

    def _feed(self) -> Iterator[Metric]:
        feed, places = self._hub.feed, self._hub.stream_places
        yield GaugeMetricFamily("callboard_streams", "Event streams that are open.", places.taken)
        yield CounterMetricFamily("callboard_streams_refused", "Event streams too many.", places.refused)
        yield GaugeMetricFamily("callboard_event_followers", "Streams of events.", feed.followers)
        yield GaugeMetricFamily("callboard_event_feed_size", "Events kept for them in memory.", feed.kept)
        yield CounterMetricFamily(
            "callboard_event_followers_lost", "Streams that ended as their readers were too slow.", feed.lost
        )

    def _engines(self) -> Iterator[Metric]:
        answers = GaugeMetricFamily(
            "callboard_engine_answers", "0 while an engine does not answer.", labels=["engine"]
        )
        strays = GaugeMetricFamily(
            "callboard_strays", "What runs although no server knows it.", labels=["engine", "whose"]
        )
        for reconciler in self._hub.reconcilers:
            name = reconciler.engine.name
            answers.add_metric([name], 0 if reconciler.engine.silent_since else 1)
            found = Counter(stray.whose for stray in reconciler.seen)
            for whose in get_args(Whose):
                strays.add_metric([name, whose], found[whose])
        yield answers
        yield strays

    def _outside(self) -> Iterator[Metric]:
        connected = sum(not known.trouble for known in self._hub.proxies.every())
        yield GaugeMetricFamily("callboard_proxies_connected", "Proxies that follow the hub.", connected)
        lag = self._hub.proxies.behind(routes.head(self._hub.store.db))
        yield GaugeMetricFamily("callboard_proxy_lag", "Events that the slowest proxy is behind.", lag)
        yield from self._each_proxy()
        leftovers = counts.leftovers(self._hub.store.db)
        yield GaugeMetricFamily(
            "callboard_servers_with_leftovers", "Servers of which an older start is not gone yet.", leftovers
        )
        found = counts.services_by_process(self._hub.store.db)
        services = GaugeMetricFamily("callboard_services", "Managed services by state.", labels=["state"])
        for process, state in SERVICE_STATES.items():
            services.add_metric([state], found.get(process, 0))
        yield services
        down = len(self._hub.services.not_up())
        yield GaugeMetricFamily(
            "callboard_services_not_up", "Services that do not run or do not answer.", down
        )

    def _each_proxy(self) -> Iterator[Metric]:
        """By name: what is gone is 0 for a while, and then told of no more."""
        answers = GaugeMetricFamily(
            "callboard_proxy_answers", "0 while a proxy takes no routes, or too late.", labels=["proxy"]
        )
        behind = GaugeMetricFamily("callboard_proxy_behind", "Events that it is behind.", labels=["proxy"])
        head = routes.head(self._hub.store.db)
        for gone in self._hub.proxies.gone():
            answers.add_metric([gone], 0)
        for name, known in {known.name: known for known in self._hub.proxies.every()}.items():
            answers.add_metric([name], 0 if known.trouble or known.left_out else 1)
            behind.add_metric([name], known.behind(head))
        yield from (answers, behind)

    def _plugins(self) -> Iterator[Metric]:
        """Of threads with asyncio: `of` says what lives there."""
        conditions = self._hub.plugins.conditions(engine.spawner for engine in self._hub.spawner)
        threads = CounterMetricFamily("callboard_plugin_threads", "Threads that were begun.", labels=["of"])
        blocked = GaugeMetricFamily("callboard_plugin_threads_blocked", "Threads that hang.", labels=["of"])
        calls = GaugeMetricFamily("callboard_plugin_calls", "Calls under way.", labels=["of"])
        abandoned = CounterMetricFamily(
            "callboard_plugin_calls_abandoned", "Calls that did not heed their end.", labels=["of"]
        )
        for of, condition in conditions.items():
            threads.add_metric([of], condition.threads)
            blocked.add_metric([of], condition.left)
            calls.add_metric([of], condition.under_way)
            abandoned.add_metric([of], condition.abandoned)
        yield from (threads, blocked, calls, abandoned)
