"""When people, servers and tokens were last seen: gathered, and recorded in few events of a bounded size."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import trio

import projections
from core.actors.activity import MOST, Activity
from core.events import codec
from core.events.activity import STREAM, ActivityRecorded
from core.events.file.store import EventStore, Write
from core.events.record import HUB, utc_text
from core.events.user import UserCreated, user_stream
from projections import users
from projections.users import Listing
from tests.conftest import Client

AT_NINE = datetime(2026, 1, 5, 9, tzinfo=UTC)


@pytest.fixture
async def store(nursery: trio.Nursery) -> EventStore:
    store = EventStore(":memory:", projections.ALL, threaded=False)
    await nursery.start(store.run)
    return store


async def recorded(store: EventStore) -> list[ActivityRecorded]:
    events = [record.event for record in await store.read(STREAM)]
    assert all(isinstance(event, ActivityRecorded) for event in events)
    return events  # type: ignore[return-value]


async def test_a_thousand_pings_are_one_event_with_the_latest_moment(store: EventStore) -> None:
    activity = Activity(store, 30)
    for second in range(1000):
        activity.saw_user("u", AT_NINE + timedelta(seconds=second))
        activity.saw_server("v", AT_NINE)
        activity.saw_token("t", AT_NINE)
    await activity.record()
    await activity.record()
    latest = AT_NINE + timedelta(seconds=999)
    assert await recorded(store) == [ActivityRecorded({"u": latest}, {"v": AT_NINE}, {"t": AT_NINE})]


async def test_pings_over_the_api_do_not_grow_the_log(client: Client) -> None:
    before = client.hub.store.head
    for _ in range(20):
        sent = {"last_activity": utc_text(datetime.now(UTC))}
        assert (await client.post("/users/alice/activity", json=sent)).status_code == 200
    assert client.hub.store.head == before
    await client.hub.activity.record()
    assert client.hub.store.head == before + 1


async def test_ten_thousand_active_users_are_recorded_in_pieces(store: EventStore) -> None:
    ids = [f"u{number:025}" for number in range(10_000)]
    for begin in range(0, len(ids), 1000):
        some = ids[begin : begin + 1000]
        await store.append(
            *(Write(user_stream(one), 0, [UserCreated(one, f"v{one}")]) for one in some), by=HUB
        )
    activity = Activity(store, 30)
    for one in ids:
        activity.saw_user(one, AT_NINE)
        activity.saw_server(f"v{one}", AT_NINE)
        activity.saw_token(f"t{one}", AT_NINE)
    await activity.record()
    events = await recorded(store)
    assert len(events) == 3 * len(ids) / MOST
    assert max(len(codec.encode(event)) for event in events) < 100 * MOST
    assert (activity.users, activity.servers, activity.tokens) == ({}, {}, {})
    assert {row.last_activity for row in users.listed(store.db, Listing())} == {utc_text(AT_NINE)}
    assert [one for event in events for one in event.users] == ids


async def test_what_is_seen_while_the_rest_is_recorded_waits_for_the_next_time(store: EventStore) -> None:
    activity = Activity(store, 30)
    activity.saw_user("u", AT_NINE)
    later = AT_NINE + timedelta(seconds=1)
    store.listen(lambda records: activity.saw_user("u", later))
    await activity.record()
    assert activity.users == {"u": later}
