"""Attempts that came to nothing are counted, and recorded as one event a minute at most."""

from __future__ import annotations

import trio

import projections
from core.events.access import AccessRefused
from core.events.file.store import EventStore
from core.logins.failures import COUNTED, NAMED, OTHERS
from projections import users
from tests.conftest import Client, hub_in_memory
from web.hub.hub import Hub

HERE = "192.0.2.1"


def refused(hub: Hub) -> list[AccessRefused]:
    found, after = [], 0
    while records := hub.store.read_all(after):
        found += [one.event for one in records if isinstance(one.event, AccessRefused)]
        after = records[-1].position
    return found


async def test_a_storm_is_one_event_a_minute(autojump_clock):
    async with hub_in_memory() as hub:
        head = hub.store.head
        for _ in range(1000):
            hub.refusals.token(HERE)
        assert hub.store.head == head
        await trio.sleep(61)
        assert refused(hub) == [AccessRefused(0, 1000, {HERE: 1000}, {})]
        await trio.sleep(600)
        assert len(refused(hub)) == 1, "nothing more happened"
    hub.store.close()


async def test_what_was_counted_is_recorded_when_the_hub_ends():
    store = EventStore(":memory:", projections.ALL, threaded=False)
    async with hub_in_memory(store=store) as hub:
        hub.refusals.login(HERE, "u1")
    assert refused(hub) == [AccessRefused(1, 0, {HERE: 1}, {"u1": 1})]
    hub.store.close()


async def test_the_last_record_may_meet_the_one_of_the_minute():
    async with hub_in_memory() as hub:
        async with trio.open_nursery() as nursery:
            for number in range(3):
                hub.refusals.token(f"192.0.2.{number}")
                nursery.start_soon(hub.refusals.record)
                await trio.lowlevel.checkpoint()
        assert sum(event.tokens for event in refused(hub)) == 3
    hub.store.close()


async def test_only_the_most_frequent_are_named_and_only_so_many_are_told_apart():
    async with hub_in_memory() as hub:
        for number in range(COUNTED + 500):
            hub.refusals.login(f"address-{number}" * 20, f"u{number}")
        hub.refusals.login("x" * 1000)
        await hub.refusals.record()
        (event,) = refused(hub)
        assert event.logins == COUNTED + 501
        assert len(event.addresses) <= NAMED
        assert len(event.users) == NAMED
        assert event.users[OTHERS] == 500
        assert all(len(address) <= 64 for address in event.addresses)
    hub.store.close()


async def test_failed_logins_name_users_that_exist_and_nothing_that_was_typed():
    async with hub_in_memory() as hub:
        alice = users.by_name(hub.store.db, "alice")
        assert alice is not None
        for name in ("Alice", "correct horse battery staple"):
            assert (
                await hub.acts.credential_login.log_in({"username": name, "password": 5}, address=HERE)
                is None
            )
        await hub.refusals.record()
        assert refused(hub) == [AccessRefused(2, 0, {HERE: 2}, {alice.id: 1})]
    hub.store.close()


async def test_requests_with_a_token_that_is_none_are_counted():
    async with hub_in_memory() as hub, Client(hub, "no-such-token") as client:
        assert (
            await client.get("/users", headers={"X-Forwarded-For": f"10.0.0.1, {HERE}"})
        ).status_code == 403
        assert (await client.with_token(None).get("/users")).status_code == 403
        assert "callboard_bad_tokens_total 1.0" in hub.metrics.as_text().decode()
        await hub.refusals.record()
        assert refused(hub) == [AccessRefused(0, 1, {HERE: 1}, {})]
    hub.store.close()
