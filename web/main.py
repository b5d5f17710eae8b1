"""Start here: a hub that lives. web/hub/build.py builds its parts, web/process/process.py is the process around it.

web/lifecycle/resume.py and web/lifecycle/shutdown.py are its first and last acts.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import trio
from tricycle import open_service_nursery

from core.actors.background import Interval, Work, do, do_every, do_now_and_every
from core.config.desired import DesiredState, desired_state
from core.events import hub as hub_events
from core.events.file.store import EventStore, Write
from core.events.hub import HubStarted
from core.events.record import HUB, Record
from core.logins.failures import PERIOD
from core.naming.ids import new_id
from core.plugins.spawner import Spawner
from core.reconcile.sorting_out import NO_CONSENT, Consent
from core.settings import Settings
from web.hub.build import build_hub
from web.hub.build_starts import Others
from web.hub.giving_up import give_up_log, give_up_starts
from web.hub.hub import Hub
from web.hub.plugins import plugins_of
from web.lifecycle.carrying_out import Step, carry_out, carry_out_later
from web.lifecycle.configured import configure_routes, configure_services
from web.lifecycle.expiry import take_out_expired
from web.lifecycle.metrics_of_hub import MetricsOfHub
from web.lifecycle.metrics_of_log import MetricsOfLog
from web.lifecycle.older_log import adopt_all, meet_what_runs
from web.lifecycle.reconcile import bootstrap_steps
from web.lifecycle.reconcilers import reconcilers
from web.lifecycle.resume import resume
from web.login.invalid_users import check_users
from web.monitoring.event_log import EventLog
from web.servers.failed_starts import FailedStarts
from web.services.checks import ServiceChecks
from web.site import version

LOOK = 5.0  # seconds between looks at where the log is, besides one at each commit
KEY_LIFE = 24 * 3600  # seconds an idempotency key is kept
HOUR = 3600.0  # seconds

Rounds = tuple[tuple[Interval, str, Work], ...]  # how often, what it means when it fails, and what is done


def _no_others(_: Collection[str]) -> Mapping[str, Spawner]:
    return {}


@asynccontextmanager
async def open_hub(
    settings: Settings,
    *,
    store: EventStore,
    secret: bytes,
    spawner: Spawner,
    others: Others = _no_others,
    service_spawner: Spawner | None = None,
    consent: Consent = NO_CONSENT,
) -> AsyncIterator[Hub]:
    """A hub that lives, without sockets: the store writes, actors act. Its end leaves servers as they are.

    `others`: spawners besides that one. `service_spawner`: runs the managed services; without one they are left alone.
    `consent`: to end or adopt what another log than this one has started. Raises OlderLogError where that is needed
    and was not given.
    """
    async with plugins_of(settings, secret, store.path) as plugins:
        settings = plugins.as_made(settings)
        wanted = desired_state(settings)
        hub = build_hub(
            settings,
            wanted,
            store=store,
            secret=secret,
            spawner=spawner,
            others=others,
            service_spawner=service_spawner,
            plugins=plugins,
        )
        _measure(hub)
        async with _living(hub, secret, wanted, consent):
            yield hub


@asynccontextmanager
async def _living(hub: Hub, secret: bytes, wanted: DesiredState, consent: Consent) -> AsyncIterator[None]:
    """All that a hub does as long as it lives."""
    store = hub.store
    async with open_service_nursery() as writing:
        await writing.start(store.run)
        for engine in hub.spawner:
            writing.start_soon(engine.watch.run)
        later = await meet_what_runs(hub, consent)
        async with open_service_nursery() as living:
            await living.start(hub.polls.run)
            await living.start(hub.servers.run, await _record_start(store))
            await living.start(hub.errands.run)
            left = await carry_out(_first_steps(hub, secret, wanted))
            living.start_soon(carry_out_later, left)
            await hub.plugins.follow(hub)
            await adopt_all(hub, later)
            await living.start(resume, hub)
            for reconciler in reconcilers(hub, consent):
                living.start_soon(reconciler.run)
            living.start_soon(hub.turns.open)
            living.start_soon(hub.jobs.run)
            _begin_background_work(hub, living)
            if hub.service_processes is not None:
                living.start_soon(hub.service_processes.run)
            yield
            await hub.activity.record()
            await hub.refusals.record()
            living.cancel_scope.cancel()
        writing.cancel_scope.cancel()


def _measure(hub: Hub) -> None:
    """Have metrics and event log hear of all that they are about."""
    of_log = MetricsOfLog(hub.metrics, hub.proxies)
    hub.store.listen(of_log.on_records)
    hub.store.on_commit = hub.metrics.committed
    hub.store.on_lost = partial(give_up_log, hub)
    hub.proxies.on_applied = of_log.applied
    hub.metrics.collect_from(MetricsOfHub(hub))
    if limit := hub.settings.spawner.consecutive_failure_limit:
        failed = FailedStarts(limit, partial(give_up_starts, hub))
        hub.store.listen(failed.on_records, failed.HEARS)
    if handlers := hub.settings.event_logger.handlers:
        hub.store.listen(EventLog(hub.store.db, handlers).on_records)


def _first_steps(hub: Hub, secret: bytes, wanted: DesiredState) -> Iterator[Step]:
    """Make the desired state of the configuration true."""
    yield "services", partial(configure_services, hub, secret)
    yield "extra routes", partial(configure_routes, hub)
    yield from bootstrap_steps(hub, wanted)
    if managed := hub.plugins.roles:
        yield "roles of the authenticator", partial(hub.acts.login_roles.load, managed, by=HUB)


async def _record_start(store: EventStore) -> Record:
    expected = store.version(hub_events.STREAM)
    started = HubStarted(version.OWN, new_id("i"), epoch=expected + 1)
    write = Write(hub_events.STREAM, expected, [started])
    (record,) = await store.append(write, by=HUB)
    return record


def _begin_background_work(hub: Hub, nursery: trio.Nursery) -> None:
    services, interval = ServiceChecks(hub.services), hub.settings.hub.service_check_interval
    gathered: Rounds = (
        (LOOK, "whether the log is where it should be is not known", hub.store.look),
        (hub.activity.interval, "last activity is not recorded yet", hub.activity.record),
        (PERIOD, "refused attempts are not recorded yet", hub.refusals.record),
    )
    chores: Rounds = (
        (HOUR, "old idempotency keys are still there", partial(_forget_keys, hub.store)),
        (
            HOUR,
            "expired tokens and sessions are still there",
            partial(take_out_expired, hub.store.db, hub.entities, hub.sessions),
        ),
        (interval or math.inf, "services could not be checked", services.check_all),
    )
    for every, what, work in gathered:
        nursery.start_soon(do_every, every, what, work)
    for every, what, work in chores:
        nursery.start_soon(do_now_and_every, every, what, work)
    nursery.start_soon(
        do, "auth_state is not encrypted with the first key yet", hub.logins.auth_states.reseal
    )
    nursery.start_soon(do, "whether all users could still log in is not known", partial(_check_users, hub))


async def _check_users(hub: Hub) -> None:
    deletes = hub.settings.authenticator.delete_invalid_users
    await check_users(hub.store.db, hub.logins, hub.user_deletion, deletes=deletes)


async def _forget_keys(store: EventStore) -> None:
    await store.forget_keys(datetime.now(UTC) - timedelta(seconds=KEY_LIFE))
