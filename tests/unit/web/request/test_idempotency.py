"""`Idempotency-Key` over HTTP, in memory: what is repeated, what is refused, and what a crash leaves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import trio

import projections
from core.errors import HubError, SpawnError, ThrottledError, UnavailableError
from core.events.file.store import EventStore
from spawners.simulated import SimulatedBackend
from tests.conftest import ADMIN_TOKEN, SERVICE_TOKEN, Client, hub_in_memory, settings_for_tests
from web.hub.hub import Hub
from web.main import KEY_LIFE
from web.request.errors import STATUS

KEY = {"Idempotency-Key": "the same"}
SLOW = {"user_options": {"simulate": {"delay": 20}}}


def seen(answer: httpx.Response) -> tuple[int, bytes]:
    return answer.status_code, answer.content


def without_secret(answer: httpx.Response) -> Any:
    return {**answer.json(), "token": None} if b"api_token" in answer.content else answer.content


async def test_a_command_that_is_repeated_answers_the_same_and_appends_nothing(
    client: Client, autojump_clock: object
) -> None:
    first = await client.post("/users/bob", headers=KEY)
    head = client.hub.store.head
    again = await client.post("/users/bob", headers=KEY)
    assert first.status_code == 201
    assert first.json()["name"] == "bob"
    assert seen(again) == seen(first)
    assert again.headers["content-type"] == first.headers["content-type"]
    assert client.hub.store.head == head


async def test_without_a_key_a_repeated_command_is_another_command(
    client: Client, autojump_clock: object
) -> None:
    assert (await client.post("/users/bob")).status_code == 201
    assert (await client.post("/users/bob")).status_code == 409


async def test_the_same_key_with_another_body_is_422(client: Client, autojump_clock: object) -> None:
    await client.post("/users/bob", json={"admin": False}, headers=KEY)
    head = client.hub.store.head
    answer = await client.post("/users/bob", json={"admin": True}, headers=KEY)
    assert answer.status_code == 422
    assert answer.json()["status"] == 422
    assert client.hub.store.head == head


async def test_a_key_belongs_to_one_principal_method_and_path(client: Client, autojump_clock: object) -> None:
    assert (await client.post("/users/bob", headers=KEY)).status_code == 201
    assert (await client.post("/users/carol", headers=KEY)).status_code == 201
    assert (await client.delete("/users/carol", headers=KEY)).status_code == 204
    service = client.with_token(SERVICE_TOKEN)
    assert (await service.post("/users/bob", headers=KEY)).status_code == 409
    await service.aclose()


async def test_a_refusal_is_repeated_too_though_it_would_be_granted_by_now(
    client: Client, autojump_clock: object
) -> None:
    first = await client.delete("/users/bob", headers=KEY)
    assert first.status_code == 404
    await client.post("/users/bob")
    assert seen(await client.delete("/users/bob", headers=KEY)) == seen(first)
    assert (await client.get("/users/bob")).status_code == 200


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_a_key_of_no_sensible_length_is_refused(
    client: Client, key: str, autojump_clock: object
) -> None:
    assert (await client.post("/users/bob", headers={"Idempotency-Key": key})).status_code == 400
    assert (await client.get("/users/bob")).status_code == 404


async def test_an_answer_that_held_a_secret_is_repeated_without_it(
    client: Client, autojump_clock: object
) -> None:
    first = (await client.post("/users/alice/tokens", json={"note": "x"}, headers=KEY)).json()
    again = await client.post("/users/alice/tokens", json={"note": "x"}, headers=KEY)
    assert again.status_code == 201
    assert first["token"]
    assert again.json().get("token") is None
    assert {**again.json(), "token": None} == {**first, "token": None}
    assert (
        len([t for t in (await client.get("/users/alice/tokens")).json()["api_tokens"] if t["note"] == "x"])
        == 1
    )
    whole = list(client.hub.store.db.execute("SELECT * FROM command_keys"))
    assert first["token"] not in repr(whole)


# --- at once ---


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/users/bob", None),
        ("POST", "/users", {"usernames": ["bob", "carol"]}),
        ("POST", "/users/alice/server", None),
        ("POST", "/users/alice/servers/lab", SLOW),
        ("POST", "/users/alice/tokens", {"note": "y"}),
        ("DELETE", "/users/dora", None),
        ("DELETE", "/users/nobody", None),
    ],
)
async def test_two_requests_at_once_with_one_key_are_one_command(
    client: Client, method: str, path: str, body: Any, autojump_clock: object
) -> None:
    await client.post("/users/dora")
    answers: list[httpx.Response] = []

    async def ask() -> None:
        answers.append(await client.request(method, path, json=body, headers=KEY))

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(ask)
    assert len({answer.status_code for answer in answers}) == 1, [seen(answer) for answer in answers]
    first, *others = map(without_secret, answers)
    assert others == [first, first]
    assert len(client.hub.command_turns) == 0
    log = client.hub.store.db.execute("SELECT type, count(*) FROM events GROUP BY type").fetchall()
    assert dict(log).get("server.spawn-requested", 0) <= 1


async def test_a_second_request_that_waits_for_the_first_is_told_of_another_body(
    client: Client, autojump_clock: object
) -> None:
    statuses: list[int] = []

    async def ask(options: dict[str, Any]) -> None:
        statuses.append((await client.post("/users/alice/server", json=options, headers=KEY)).status_code)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, SLOW)
        await trio.sleep(1)
        nursery.start_soon(ask, {"user_options": {}})
    assert statuses == [202, 422]


# --- a client that has gone, a hub that dies, a disk that is full ---


async def test_a_start_whose_caller_has_gone_is_repeated_as_being_on_its_way(
    client: Client, autojump_clock: object
) -> None:
    with trio.move_on_after(1):
        await client.post("/users/alice/server", json=SLOW, headers=KEY)
    again = await client.post("/users/alice/server", json=SLOW, headers=KEY)
    assert seen(again) == (202, b"")


Crash = Callable[[Client], Any]


async def lose_the_answer(store: EventStore, backend: SimulatedBackend, ask: Crash) -> None:
    """Ask, and have the hub die after the command was recorded and before its answer was stored."""

    async def never(*_: object) -> None:
        await trio.sleep_forever()

    async with hub_in_memory(store=store, backend=backend) as hub, Client(hub, ADMIN_TOKEN) as client:
        hub.store.store_outcome = never  # type: ignore[method-assign]
        with trio.move_on_after(30):
            await ask(client)
    del store.store_outcome  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/users/bob", None, 201),
        ("/users", {"usernames": ["bob", "carol"]}, 201),
        ("/users/alice/server", SLOW, 202),
    ],
)
async def test_a_hub_killed_between_commit_and_answer_repeats_it_right(
    path: str, body: Any, status: int, autojump_clock: object
) -> None:
    store, backend = EventStore(":memory:", projections.ALL, threaded=False), SimulatedBackend()
    await lose_the_answer(store, backend, lambda client: client.post(path, json=body, headers=KEY))
    async with hub_in_memory(store=store, backend=backend) as hub, Client(hub, ADMIN_TOKEN) as client:
        again = await client.post(path, json=body, headers=KEY)
        assert again.status_code == status
        if path == "/users/bob":
            model = (await client.get("/users/bob")).json()
            assert {**again.json(), "last_activity": None} == {**model, "last_activity": None}
        made = store.db.execute("SELECT count(*) FROM events WHERE type = 'user.created'").fetchone()[0]
        assert made == {"/users/bob": 2, "/users": 3}.get(path, 1)
    store.close()


async def test_an_answer_that_cannot_be_stored_is_given_all_the_same(
    client: Client, monkeypatch: pytest.MonkeyPatch, autojump_clock: object
) -> None:
    async def full(*_: object) -> None:
        raise UnavailableError("The log cannot be written now: database or disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(client.hub.store, "store_outcome", full)
        first = await client.post("/users/bob", headers=KEY)
    assert first.status_code == 201
    again = await client.post("/users/bob", headers=KEY)
    assert again.status_code == 201
    assert again.json()["name"] == "bob"


async def test_what_was_refused_for_want_of_a_disk_may_be_tried_again(
    client: Client, monkeypatch: pytest.MonkeyPatch, autojump_clock: object
) -> None:
    async def full(*_: object, **__: object) -> None:
        raise UnavailableError("The log cannot be written now: database or disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(client.hub.store, "append", full)
        refused = await client.post("/users/bob", headers=KEY)
    assert refused.status_code == 503
    assert refused.headers["retry-after"]
    assert "disk is full" in refused.json()["message"]
    assert (await client.post("/users/bob", headers=KEY)).status_code == 201


# --- what is an outcome, and what only a moment's ---

REFUSALS = [
    *((kind(kind.__name__), status) for kind, status in STATUS.items() if kind is not SpawnError),
    (ThrottledError("with a moment", 7), 429),
    *(
        (SpawnError("of a start", status=status), status)
        for status in (400, 403, 404, 409, 429, 500, 502, 503, 504)
    ),
]


@pytest.mark.parametrize(
    ("error", "status"),
    REFUSALS,
    ids=lambda value: str(value) if isinstance(value, int) else type(value).__name__,
)
async def test_what_may_go_better_the_next_time_is_no_outcome_and_all_else_is(
    client: Client, monkeypatch: pytest.MonkeyPatch, error: HubError, status: int, autojump_clock: object
) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise error

    plain = httpx.AsyncClient(  # a refusal that is not this route's own is not in the OpenAPI document
        transport=httpx.ASGITransport(client.app), base_url=client.base_url, headers=client.headers
    )
    with monkeypatch.context() as patch:
        patch.setattr(client.hub.store, "append", refuse)
        refused = await plain.post("/users/bob", headers=KEY)
    assert refused.status_code == status
    again = await plain.post("/users/bob", headers=KEY)
    if status == 429 or status >= 500:
        assert again.status_code == 201
    else:
        assert seen(again) == seen(refused)


async def test_a_start_that_was_throttled_is_tried_again_under_its_key(autojump_clock: object) -> None:
    settings = settings_for_tests(active_server_limit=1)
    async with hub_in_memory(settings) as hub, Client(hub, ADMIN_TOKEN) as client:
        await client.post("/users/alice/server")
        assert (await client.post("/users/alice/servers/two", headers=KEY)).status_code == 429
        await client.delete("/users/alice/server")
        assert (await client.post("/users/alice/servers/two", headers=KEY)).status_code == 201


# --- for how long ---


async def test_a_key_is_kept_for_24_hours(hub: Hub, client: Client, autojump_clock: object) -> None:
    assert KEY_LIFE == 24 * 3600
    await client.post("/users/bob", headers=KEY)
    now = datetime.now(UTC)
    await hub.store.forget_keys(now - timedelta(seconds=KEY_LIFE))
    assert (await client.post("/users/bob", headers=KEY)).status_code == 201
    await hub.store.forget_keys(now + timedelta(seconds=1))
    assert (await client.post("/users/bob", headers=KEY)).status_code == 409
