"""Who has used how much, over HTTP, in memory."""

from __future__ import annotations

from typing import Any

import pytest

from core.settings import GroupSettings
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests
from tests.unit.web.api.rights_world import token_of
from web.history.starts import usual_seconds

THIS_MONTH, ANY_TIME = "", "2020-01-01T12:00:00Z"
ROLES = [{"name": "tutor", "users": ["bob"], "scopes": ["self", "read:servers!group=math"]}]
GROUPS = {"math": GroupSettings(["carol"]), "staff": GroupSettings(["bob", "carol"])}


@pytest.fixture
async def client(autojump_clock: object):
    settings = settings_for_tests(load_roles=ROLES, load_groups=GROUPS)
    async with hub_in_memory(settings) as hub, Client(hub, ADMIN_TOKEN) as client:
        for name in ("bob", "carol", "dave"):
            await client.post(f"/users/{name}")
        for name in ("bob", "carol", "dave"):
            answer = await client.post(f"/users/{name}/servers/lab", json={"profile": "gpu"})
            assert answer.status_code in (201, 202)
        yield client


async def used(client: Client, query: str = "") -> dict[str, Any]:
    answer = await client.get(f"/usage{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def names(usage: dict[str, Any]) -> set[str]:
    return {one["name"] for one in usage["items"]}


def plan(client: Client, sql: str) -> list[str]:
    return [row[3] for row in client.hub.store.db.execute(f"EXPLAIN QUERY PLAN {sql}")]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("user", {"bob", "carol", "dave"}),
        ("server", {"bob/lab", "carol/lab", "dave/lab"}),
        ("profile", {"gpu"}),
        ("group", {"math", "staff"}),
    ],
)
async def test_what_is_used_is_summed_up_by_what_is_asked_for(
    client: Client, by: str, expected: set[str]
) -> None:
    found = await used(client, f"?by={by}")
    assert names(found) == expected
    assert found["total"]["starts"] == (2 if by == "group" else 3)


async def test_people_see_their_own_and_whose_servers_they_may_see(client: Client) -> None:
    for user, seen in {"dave": {"dave"}, "carol": {"carol"}, "bob": {"bob", "carol"}}.items():
        of_user = await token_of(client, user)
        assert names(await used(of_user)) == seen


async def test_a_user_counts_once_under_the_present_name_and_under_the_last_when_gone(client: Client) -> None:
    await client.patch("/users/carol", json={"name": "caroline"})
    await client.delete("/users/caroline/servers/lab")
    await client.post("/users/caroline/servers/lab")
    await client.delete("/users/dave")
    found = {one["name"]: one["starts"] for one in (await used(client))["items"]}
    assert found == {"bob": 1, "caroline": 2, "dave": 1}


async def test_who_was_renamed_before_they_went_counts_once_under_the_last_name(client: Client) -> None:
    await client.patch("/users/carol", json={"name": "caroline"})
    await client.post("/users/caroline/servers/more")
    await client.delete("/users/caroline")
    for since in (THIS_MONTH, ANY_TIME):
        found = await used(client, f"?since={since}")
        assert {one["name"]: one["starts"] for one in found["items"]} == {"bob": 1, "caroline": 2, "dave": 1}


@pytest.mark.parametrize("by", ["user", "group"])
async def test_sums_of_months_are_those_of_all_attempts(client: Client, by: str) -> None:
    """This month is kept, and any other time summed up: nothing has happened but in this month."""
    await client.post("/users/bob/servers/bad", json={"simulate": {"fail": "no room"}})
    await client.delete("/users/carol/servers/lab")
    by_month, summed_up = [await used(client, f"?by={by}&since={since}") for since in (THIS_MONTH, ANY_TIME)]
    for one in (by_month, summed_up):
        for item in (*one["items"], one["total"]):
            item["hours"] = round(item["hours"], 1)
    assert by_month["items"] == summed_up["items"]
    assert by_month["total"] == summed_up["total"]
    assert by_month["total"]["failed"] == 1


async def test_this_month_by_user_is_one_read_of_an_index(client: Client) -> None:
    db, asked = client.hub.store.db, list[str]()
    db.set_trace_callback(asked.append)
    try:
        assert names(await used(client)) == {"bob", "carol", "dave"}
    finally:
        db.set_trace_callback(None)
    (of_months,) = [sql for sql in asked if "usage_months" in sql]
    (of_starts,) = [sql for sql in asked if "usage_attempts" in sql]
    assert plan(client, of_months) == [
        "MERGE (UNION ALL)",
        "LEFT",
        "SEARCH usage_months USING PRIMARY KEY ((month,user)>(?,?) AND month<?)",
        "RIGHT",
        "SEARCH usage_months USING COVERING INDEX usage_going_on ((month,user)>(?,?) AND month<?)",
    ]
    assert plan(client, of_starts) == [
        "SEARCH usage_attempts USING COVERING INDEX usage_attempts_took ((asked,spawn_id)>(?,?) AND asked<?)"
    ]


async def test_what_failed_is_counted_and_what_was_before_or_after_is_not(client: Client) -> None:
    await client.post("/users/bob/servers/bad", json={"simulate": {"fail": "no room"}})
    by_server = {one["name"]: one for one in (await used(client, "?by=server"))["items"]}
    assert by_server["bob/bad"]["failed"] == 1
    assert (await used(client, "?until=2020-01-01&since=2019-01-01"))["items"] == []


async def test_a_table_can_be_taken_along(client: Client) -> None:
    answer = await client.get("/usage?format=csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    lines = answer.text.splitlines()
    assert lines[0] == "name,hours,starts,failed,median,slow"
    assert {line.split(",")[0] for line in lines[1:]} == {"bob", "carol", "dave"}


async def test_an_overview_is_numbers_of_this_moment_and_of_the_last_hours(client: Client) -> None:
    await client.post("/users/bob/servers/bad", json={"simulate": {"fail": "no room"}})
    await client.delete("/users/carol/servers/lab")
    found = (await client.get("/usage/overview")).json()
    assert found["servers"] == {"running": 2, "starting": 0, "waiting": 0, "stopping": 0}
    assert len(found["hours"]) == 24
    last = found["hours"][-1]
    assert (last["starts"], last["failed"]) == (4, 1)
    assert (await (await token_of(client, "carol")).get("/usage/overview")).status_code == 403


async def test_what_servers_were_at_is_a_page_with_what_needs_a_look_first(client: Client) -> None:
    await client.post("/users/bob/servers/bad", json={"simulate": {"fail": "no room"}})
    await client.delete("/users/carol/servers/lab")
    found = (await client.get("/usage/servers?limit=2")).json()
    assert [(one["user"], one["server"]) for one in found["items"]] == [("bob", "bad"), ("dave", "lab")]
    assert (found["count"], found["failing"], found["going_on"]) == (4, 1, 2)
    assert (found["running"][0], found["running"][-1]) == (0, 2)
    (failed,), (running,) = (one["attempts"] for one in found["items"])
    assert (failed["outcome"], failed["ready"]) == ("failed", None)
    assert running["asked"] <= running["ready"]
    assert running["ended"] is None
    assert [one["more"] for one in found["items"]] == [0, 0]
    rest = (await client.get("/usage/servers?limit=2&offset=2")).json()["items"]
    assert [(one["user"], one["server"]) for one in rest] == [("bob", "lab"), ("carol", "lab")]


async def test_of_many_starts_the_last_are_told_and_the_others_counted(client: Client) -> None:
    for _ in range(23):
        await client.delete("/users/bob/servers/lab")
        await client.post("/users/bob/servers/lab")
    (bob,) = (await client.get("/usage/servers?user=bob&limit=100")).json()["items"]
    assert (len(bob["attempts"]), bob["more"]) == (20, 4)
    assert bob["attempts"][-1]["ended"] is None


@pytest.mark.parametrize(
    ("query", "servers"),
    [
        ("?failing=true", {"bob/bad"}),
        ("?user=carol", {"carol/lab"}),
        ("?server=bob/bad", {"bob/bad"}),
        ("?user=nobody", set()),
        ("?until=2020-01-02&since=2020-01-01", set()),
    ],
)
async def test_some_servers_can_be_asked_for(client: Client, query: str, servers: set[str]) -> None:
    await client.post("/users/bob/servers/bad", json={"simulate": {"fail": "no room"}})
    found = (await client.get(f"/usage/servers{query}")).json()
    assert {f"{one['user']}/{one['server']}" for one in found["items"]} == servers
    assert found["count"] == len(servers)


async def test_what_servers_were_at_is_told_to_those_who_may_see_them(client: Client) -> None:
    for user, seen in {"dave": {"dave"}, "carol": {"carol"}, "bob": {"bob", "carol"}}.items():
        found = (await (await token_of(client, user)).get("/usage/servers")).json()
        assert {one["user"] for one in found["items"]} == seen
        assert found["running"][-1] == found["count"] == len(seen)


@pytest.mark.parametrize("query", ["?by=colour", "?since=soon", "?until=later", "?format=xml"])
async def test_what_cannot_be_understood_is_refused(client: Client, query: str) -> None:
    assert (await client.get(f"/usage{query}")).status_code == 400


@pytest.mark.parametrize(
    "query", ["?failing=null", "?since=soon", "?step=0", "?since=2020-01-01&step=1", "?server=lab"]
)
async def test_servers_that_cannot_be_looked_at_are_refused(client: Client, query: str) -> None:
    assert (await client.get(f"/usage/servers{query}")).status_code == 400


async def test_what_is_usual_is_the_median_of_the_last_starts_of_a_profile(client: Client) -> None:
    for name in ("one", "two", "three"):
        await client.post(f"/users/bob/servers/{name}", json={"simulate": {"delay": 0}, "profile": "small"})
    db = client.hub.store.db
    assert usual_seconds(db, {"profile": "none"}) is None
    usual = usual_seconds(db, {"profile": "small"})
    assert usual is not None
    assert 0 <= usual < 60
