"""How much happened when, over HTTP: as many as the events that the same caller may read."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.events import codec
from core.events.record import utc_text
from core.scopes import Scopes
from projections import users
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests
from tests.unit.web.api.rights_world import group, token_of
from web.history import density
from web.history.density import FAILURES
from web.history.reach import reach_of
from web.presentation.templates_found import OURS

ROLES = [
    {
        "name": "tutor",
        "users": ["bob"],
        "scopes": ["self", "read:users!group=math", "read:servers!group=math"],
    },
    {
        "name": "watchers",
        "users": ["dave"],
        "scopes": ["read:users", "read:servers", "read:groups", "read:hub"],
    },
]
HISTORY_KINDS = ("server", "user", "token.issued")


@pytest.fixture
async def client(autojump_clock: object):
    settings = settings_for_tests(load_roles=ROLES)
    async with hub_in_memory(settings) as hub, Client(hub, ADMIN_TOKEN) as client:
        for name in ("carol", "erin"):
            await client.post(f"/users/{name}")
        await group(client, "math", "carol")
        for name in ("carol", "erin"):
            await client.post(f"/users/{name}/servers/lab")
            await client.delete(f"/users/{name}/servers/lab")
        await client.post("/users/carol/servers/bad", json={"simulate": {"fail": "no room"}})
        yield client


async def events(client: Client, path: str, **query: Any) -> list[dict[str, Any]]:
    answer = await client.get(path, params={"limit": 200, **query})
    assert answer.status_code == 200, answer.text
    assert answer.json()["next"] is None
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def counts(client: Client, path: str, **query: Any) -> dict[str, Any]:
    """Of the last minutes, second by second."""
    since = utc_text(datetime.now(UTC) - timedelta(minutes=15))
    answer = await client.get(f"{path}/density", params={"since": since, "step": 1, **query})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


QUERIES: list[tuple[str, dict[str, Any]]] = [
    ("/events", {}),
    ("/events", {"type": list(HISTORY_KINDS)}),
    ("/events", {"user": "carol"}),
    ("/events", {"server": "carol/lab", "type": "server"}),
    ("/events", {"group": "math"}),
    ("/events", {"role": "tutor"}),
    ("/events", {"user": "nobody"}),
    ("/users/carol/events", {}),
    ("/users/carol/events", {"server": "lab"}),
    ("/users/carol/events", {"server": "no-such"}),
]


@pytest.mark.parametrize("who", ["alice", "bob", "carol", "dave"])
async def test_as_many_are_counted_as_may_be_read(client: Client, who: str) -> None:
    caller = client if who == "alice" else await token_of(client, who)
    for path, query in QUERIES:
        if who in ("alice", "carol") or not path.startswith("/users"):
            await _check_counts(caller, path, query)


async def _check_counts(caller: Client, path: str, query: dict[str, Any]) -> None:
    listed = await events(caller, path, **query)
    found = await counts(caller, path, **query)
    assert found["count"] == len(listed)
    assert found["failures"] == sum(one["type"] in FAILURES for one in listed)
    assert found["counted_from"] is None
    by_second = Counter(one["at"][:19] for one in listed)
    assert {piece["at"][:19]: piece["count"] for piece in found["items"]} == by_second
    if listed:
        assert found["first"] <= min(one["at"] for one in listed)
        assert found["last"] >= max(one["at"] for one in listed)
    else:
        assert (found["first"], found["last"]) == (None, None)


async def test_whoever_may_see_all_has_it_counted_without_a_look_at_the_log(client: Client) -> None:
    db, asked = client.hub.store.db, list[str]()
    db.set_trace_callback(asked.append)
    try:
        assert (await counts(client, "/events"))["failures"] == 1
    finally:
        db.set_trace_callback(None)
    assert [sql for sql in asked if " events " in f"{sql} "] == []
    plans = [row[3] for sql in asked if "tallies" in sql for row in db.execute(f"EXPLAIN QUERY PLAN {sql}")]
    looked_at = [line for line in plans if "tallies" in line]
    assert looked_at
    assert all(line.startswith("SEARCH tallies USING PRIMARY KEY (type=? AND second") for line in looked_at)


async def test_what_is_too_much_to_look_at_is_counted_back_to_a_moment(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(density, "WALKED", 0)
    bob = await token_of(client, "bob")
    found = await counts(bob, "/events")
    assert (found["count"], found["counted_from"]) == (0, found["until"])
    assert (await counts(client, "/events"))["counted_from"] is None


@pytest.mark.parametrize(
    "query",
    [
        {"since": "2026-01-01", "until": "2026-01-01"},
        {"since": "2026-01-01", "until": "2026-03-01", "step": 1},
        {"step": 0},
        {"step": "x"},
        {"since": "soon"},
        {"type": "nonsense"},
        {"server": "lab"},
    ],
)
async def test_what_cannot_be_counted_is_refused(client: Client, query: dict[str, Any]) -> None:
    assert (await client.get("/events/density", params=query)).status_code == 400


async def test_all_of_a_type_is_seen_by_whoever_can_see_any_of_it(client: Client) -> None:
    """What a reach calls whole, an administrator reads all of; what it does not name is not told of."""
    everything = {one["type"] for one in await events(client, "/events")}
    whole = reach_of(_scopes_of(client, "alice")).whole
    assert everything <= whole
    assert whole <= codec.FIELDS.keys()
    carol = await token_of(client, "carol")
    hers = reach_of(_scopes_of(client, "carol"))
    assert not hers.whole & everything
    assert {one["type"] for one in await events(carol, "/events")} <= hers.partly
    assert "hub.started" not in hers.partly


def _scopes_of(client: Client, name: str) -> Scopes:
    row = users.by_name(client.hub.store.db, name)
    assert row is not None
    return client.hub.rights.of_user(row)


def test_the_page_and_the_hub_call_the_same_failures() -> None:
    words = (OURS.parent / "static/js/happened.js").read_text()
    (line,) = [line for line in words.splitlines() if line.startswith("const BAD")]
    assert set(line.split('"')[1::2]) == FAILURES
