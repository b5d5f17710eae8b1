"""Jobs over HTTP, in memory: many users at once, by whoever may, over restarts of the hub."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import trio.testing

from core.events.job import JobRequested
from core.events.server import StopRequested
from core.events.user import UserDeletionRequested
from core.settings import GroupSettings
from projections import groups, users
from tests.conftest import SERVICE_TOKEN, Client
from tests.unit.web.lifecycle.lives import Lives, configured, lives

NAMES = ["bob", "carol", "dave"]
SLOW = {"simulate": {"delay": 20}}
ROLES = [
    {
        "name": "starter",
        "groups": ["class"],
        "scopes": ["start:servers!group=class", "read:users!group=class"],
    },
    {"name": "ops", "services": ["ops"], "scopes": ["admin:users", "admin:servers", "tokens", "groups"]},
]
GIVEN: dict[str, Any] = {
    "load_groups": {"class": GroupSettings(users=["bob", "carol", "tutor"]), "empty": GroupSettings()},
    "load_roles": ROLES,
}


async def ask(client: Client, act: str, names: list[str], **more: Any) -> str:
    answer = await client.post("/jobs", json={"act": act, "users": names, **more})
    assert answer.status_code == 201, answer.text
    job: str = answer.json()["id"]
    return job


async def job(client: Client, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(f"/jobs/{job_id}")).json()
    return found


async def ended(world: Lives, job_id: str) -> dict[str, Any]:
    with trio.fail_after(3000):
        while (found := await job(world.admin, job_id))["ended"] is None:
            await world.hub.store.wait_any()
    return found


def soon(world: Lives) -> str:
    """In half a minute of the test's clock, which is that of the jobs from here on."""
    now, began = datetime.now(UTC), trio.current_time()
    world.hub.jobs._now = lambda: now + timedelta(seconds=trio.current_time() - began)
    return (now + timedelta(seconds=30)).isoformat()


async def with_users(world: Lives) -> None:
    await world.admin.post("/users", json={"usernames": [*NAMES, "tutor"]})


async def test_many_start_and_stop_and_go(autojump_clock: object) -> None:
    async with lives(configured(**GIVEN)) as world:
        await with_users(world)
        started = await ended(world, await ask(world.admin, "start", NAMES))
        assert (started["state"], started["total"], started["done"], started["failed"]) == ("done", 3, 3, 0)
        assert [world.states(name) for name in NAMES] == [{"ready"}] * 3
        stopped = await ended(world, await ask(world.admin, "stop", NAMES))
        assert (stopped["state"], stopped["done"]) == ("done", 3)
        assert [world.states(name) for name in NAMES] == [{"stopped"}] * 3
        deleted = await ended(world, await ask(world.admin, "delete", NAMES))
        assert (deleted["state"], deleted["done"]) == ("done", 3)
        assert users.existing(world.hub.store.db, NAMES) == {}


async def test_what_is_done_is_recorded_as_done_by_who_asked_because_of_the_job(
    autojump_clock: object,
) -> None:
    async with lives(configured(**GIVEN)) as world:
        await with_users(world)
        await ended(world, await ask(world.admin, "start", ["bob"]))
        await ended(world, await ask(world.admin, "stop", ["bob"]))
        records = world.hub.store.read_all(0)
        (stop,) = [record for record in records if isinstance(record.event, StopRequested)]
        assert stop.by.principal == f"user/{world.user('alice').id}"
        asked = [record.position for record in records if isinstance(record.event, JobRequested)]
        assert stop.by.cause == asked[-1]


async def test_a_job_goes_on_in_the_next_hub(autojump_clock: object) -> None:
    async with lives(configured(**GIVEN)) as world:
        await with_users(world)
        for name in ("carol", "dave"):
            await world.admin.patch(f"/users/{name}/server", json={"user_options": SLOW})
        job_id = await ask(world.admin, "start", NAMES)
        await trio.sleep(5)
        assert (await job(world.admin, job_id))["done"] == 1
        await world.begin(configured(**GIVEN))
        assert (await ended(world, job_id))["done"] == 3
        assert [world.states(name) for name in NAMES] == [{"ready"}] * 3


async def test_many_join_a_group(autojump_clock: object) -> None:
    async with lives(configured(**GIVEN)) as world:
        await with_users(world)
        found = await ended(world, await ask(world.admin, "join", NAMES, group="empty"))
        assert (found["state"], found["done"], found["group"]) == ("done", 3, "empty")
        group = groups.by_name(world.hub.store.db, "empty")
        assert group is not None
        assert sorted(groups.members(world.hub.store.db, group.id)) == NAMES


async def test_failures_are_named_and_the_others_go_on(autojump_clock: object) -> None:
    async with lives(configured(**GIVEN)) as world:
        await with_users(world)
        bad = {"user_options": {"simulate": {"fail": "no room"}}}
        await world.admin.patch("/users/carol/server", json=bad)
        found = await ended(world, await ask(world.admin, "start", NAMES))
        assert (found["state"], found["done"], found["failed"]) == ("done", 2, 1)
        assert found["failures"] == [{"user": "carol", "message": "no room"}]


async def test_nobody_deletes_themselves(autojump_clock: object) -> None:
    async with lives(configured(**GIVEN)) as world:
        await with_users(world)
        found = await ended(world, await ask(world.admin, "delete", ["alice", "bob"]))
        assert found["failures"] == [{"user": "alice", "message": "You cannot delete yourself."}]
        assert found["done"] == 1


async def test_a_job_can_wait_for_its_moment_and_be_cancelled(autojump_clock: object) -> None:
    async with lives(configured(**GIVEN)) as world:
        await with_users(world)
        job_id = await ask(world.admin, "delete", NAMES, due="2126-12-01T08:00:00Z")
        assert (await job(world.admin, job_id))["state"] == "waiting"
        assert (await world.admin.delete(f"/jobs/{job_id}")).status_code == 204
        assert (await world.admin.delete(f"/jobs/{job_id}")).status_code == 204
        assert (await job(world.admin, job_id))["state"] == "cancelled"
        events = [record.event for record in world.hub.store.read_all(0)]
        assert not [event for event in events if isinstance(event, UserDeletionRequested)]


async def test_a_job_under_way_is_cancelled_and_keeps_what_it_has_done(autojump_clock: object) -> None:
    async with lives(configured(**GIVEN)) as world:
        await with_users(world)
        await world.admin.patch("/users/dave/server", json={"user_options": {"simulate": {"delay": 50}}})
        job_id = await ask(world.admin, "start", NAMES)
        await trio.sleep(10)
        assert (await job(world.admin, job_id))["state"] == "running"
        await world.admin.delete(f"/jobs/{job_id}")
        found = await job(world.admin, job_id)
        assert (found["state"], found["done"], found["total"]) == ("cancelled", 2, 3)


# --- who may ---


async def test_who_may_start_some_starts_these_and_learns_nothing_of_others(autojump_clock: object) -> None:
    async with lives(configured(**GIVEN)) as world:
        await with_users(world)
        tutor = world.admin.with_token(await world.token_of("tutor"))
        found = await ended(world, await ask(tutor, "start", ["bob", "carol"]))
        assert found["done"] == 2
        for name in ("dave", "nobody"):
            refused = await tutor.post("/jobs", json={"act": "start", "users": ["bob", name]})
            assert (refused.status_code, refused.json()["message"]) == (
                404,
                f"There is no user named {name!r} of whom you may do that.",
            )


@pytest.mark.parametrize(("act", "status"), [("stop", 404), ("delete", 403), ("join", 403)])
async def test_who_may_not_is_refused(act: str, status: int, autojump_clock: object) -> None:
    """Everybody may stop servers of their own, so that of others is not told from nobody's."""
    async with lives(configured(**GIVEN)) as world:
        await with_users(world)
        tutor = world.admin.with_token(await world.token_of("tutor"))
        asked = {"act": act, "users": ["bob"], "group": "class"}
        assert (await tutor.post("/jobs", json=asked)).status_code == status


async def test_rights_are_those_of_the_moment_at_which_it_is_done(autojump_clock: object) -> None:
    """Due later; by then the one who asked is no member of the group that gave the right."""
    async with lives(configured(**GIVEN)) as world:
        await with_users(world)
        tutor = world.admin.with_token(await world.token_of("tutor"))
        await world.admin.patch("/users/bob/server", json={"user_options": SLOW})
        job_id = await ask(tutor, "start", ["bob", "carol"], due=soon(world))
        await world.admin.request("DELETE", "/groups/class/users", json={"users": ["tutor"]})
        found = await ended(world, job_id)
        assert (found["done"], found["failed"]) == (0, 2)
        assert "start:servers!server=" in found["failures"][0]["message"]


async def test_a_revoked_token_does_nothing_any_more(autojump_clock: object) -> None:
    async with lives(configured(**GIVEN)) as world:
        await with_users(world)
        made = (await world.admin.post("/users/alice/tokens", json={})).json()
        narrow = world.admin.with_token(made["token"])
        job_id = await ask(narrow, "start", NAMES, due=soon(world))
        await world.admin.delete(f"/users/alice/tokens/{made['id']}")
        found = await ended(world, job_id)
        assert (found["state"], found["done"]) == ("given up", 0)
        assert found["message"] == "Whoever asked for this may do nothing here any more."


async def test_a_narrow_token_does_what_it_may_and_not_what_its_owner_may(autojump_clock: object) -> None:
    async with lives(configured(**GIVEN)) as world:
        await with_users(world)
        narrow = world.admin.with_token(await world.token_of("alice", "start:servers!user=bob"))
        assert (await ended(world, await ask(narrow, "start", ["bob"])))["done"] == 1
        refused = await narrow.post("/jobs", json={"act": "start", "users": ["carol"]})
        assert refused.status_code == 404


async def test_jobs_of_others_are_seen_by_administrators_alone(autojump_clock: object) -> None:
    async with lives(configured(**GIVEN)) as world:
        await with_users(world)
        tutor = world.admin.with_token(await world.token_of("tutor"))
        own = await ask(tutor, "start", ["bob"], due="2126-12-01T08:00:00Z")
        others = await ask(world.admin, "start", ["bob"], due="2126-12-01T08:00:00Z")
        assert [one["id"] for one in (await tutor.get("/jobs")).json()] == [own]
        of_all = (await world.admin.get("/jobs")).json()
        assert [(one["id"], one["asked_by"]) for one in of_all] == [(others, "alice"), (own, "tutor")]
        answers: list[httpx.Response] = [
            await tutor.get(f"/jobs/{others}"),
            await tutor.delete(f"/jobs/{others}"),
        ]
        assert [answer.status_code for answer in answers] == [404, 404]


async def test_a_place_in_a_group_is_given_by_those_alone_who_hold_what_it_brings(
    autojump_clock: object,
) -> None:
    roles = [*ROLES, {"name": "mighty", "groups": ["empty"], "scopes": ["admin:services"]}]
    async with lives(configured(**{**GIVEN, "load_roles": roles})) as world:
        await with_users(world)
        service = world.admin.with_token(SERVICE_TOKEN)
        refused = await service.post("/jobs", json={"act": "join", "users": ["bob"], "group": "empty"})
        assert refused.status_code == 403
        assert "what you do not hold yourself" in refused.json()["message"]


# --- what is asked for ---


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"act": "start", "users": []}, 400),
        ({"act": "dance", "users": ["bob"]}, 400),
        ({"act": "start", "users": ["bob"], "due": "soonish"}, 400),
        ({"act": "start", "users": ["bob"], "key": "k" * 256}, 400),
        ({"act": "start", "users": ["bob"] * 10_001}, 400),
        ({"act": "join", "users": ["bob"]}, 404),
        ({"act": "join", "users": ["bob"], "group": "none"}, 404),
        ({"act": "start", "users": ["nobody"]}, 404),
    ],
)
async def test_what_makes_no_sense_is_refused(sent: dict[str, Any], status: int) -> None:
    async with lives(configured(**GIVEN)) as world:
        await with_users(world)
        assert (await world.admin.post("/jobs", json=sent)).status_code == status


async def test_one_of_a_key_is_open_and_a_repeated_request_is_the_same_job(autojump_clock: object) -> None:
    async with lives(configured(**GIVEN)) as world:
        await with_users(world)
        asked = {"act": "start", "users": NAMES, "key": "mornings", "due": "2126-12-01T08:00:00Z"}
        first = await world.admin.post("/jobs", json=asked, headers={"Idempotency-Key": "k1"})
        again = await world.admin.post("/jobs", json=asked, headers={"Idempotency-Key": "k1"})
        assert (first.status_code, first.json()["id"]) == (201, again.json()["id"])
        assert (await world.admin.post("/jobs", json=asked)).status_code == 409
        service = world.admin.with_token(SERVICE_TOKEN)
        assert (await service.post("/jobs", json=asked)).status_code == 201


async def test_nobody_has_more_than_so_many_open_jobs() -> None:
    async with lives(configured(**GIVEN)) as world:
        await with_users(world)
        asked = {"act": "start", "users": ["bob"], "due": "2126-12-01T08:00:00Z"}
        for _ in range(20):
            assert (await world.admin.post("/jobs", json=asked)).status_code == 201
        assert (await world.admin.post("/jobs", json=asked)).status_code == 400
