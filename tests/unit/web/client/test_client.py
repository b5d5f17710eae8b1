"""The client: its steps taken by hand, over a made-up network, and against a hub in memory."""

from __future__ import annotations

import asyncio
import inspect
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import httpx
import pytest
import trio

from tests.conftest import ADMIN_TOKEN, Client
from web.client import (
    AsyncHub,
    Hub,
    HubError,
    Progress,
    RefusedError,
    StartFailedError,
    UnreachableError,
    calls,
)
from web.client.repeating import LONGEST, repeated
from web.client.steps import Answer, Ask, Broken, Follow, Left, Pause, Reply, Step, Steps
from web.client.waiting import wait_ready, wait_stopped
from web.http1.server_sent_events import ServerSentEvent

T = TypeVar("T")

URL = "http://hub.test/hub/api"


def answer(status: int = 200, value: Any = None, **headers: str) -> Answer:
    body = b"" if value is None else json.dumps(value).encode()
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def server(**model: Any) -> Answer:
    return answer(200, {"name": "", "url": "/user/alice/", **model})


def taken(steps: Steps[T], *replies: Reply) -> tuple[list[Step], T | None]:
    """The steps of a call, given these replies; and its outcome, None if it wants more."""
    found, left = [steps.send(None)], list(replies)
    try:
        while left:
            found.append(steps.send(left.pop(0)))
    except StopIteration as end:
        assert not left, "it did not need all replies"
        return found, end.value
    return found, None


# --- asking again ---

LATER = answer(429, {"status": 429, "message": "Later."}, retry_after="7")
AWAY = answer(503, {"status": 503, "message": "Soon."})
LOST = Broken(httpx.ReadError("lost"), may_repeat=True)
LOST_COMMAND = Broken(httpx.ReadError("lost"), may_repeat=False)
DONE = answer(201)


@pytest.mark.parametrize(
    ("replies", "bounds"),
    [
        ([LATER, None, DONE], [(7.1, 7.2)]),
        ([AWAY, None, DONE], [(0.1, 0.2)]),
        ([AWAY, None, AWAY, None, AWAY, None, DONE], [(0.1, 0.2), (0.2, 0.4), (0.4, 0.8)]),
        ([LOST, None, DONE], [(0.1, 0.2)]),
        ([LOST, None, LATER, None, DONE], [(0.1, 0.2), (7.2, 7.4)]),
    ],
)
def test_a_request_is_repeated_as_it_was(replies: list[Reply], bounds: list[tuple[float, float]]) -> None:
    steps, ready = taken(repeated(calls.start("alice"), 6), *replies)
    assert ready is True
    pauses = [step.seconds for step in steps if isinstance(step, Pause)]
    assert all(least <= pause <= most for pause, (least, most) in zip(pauses, bounds, strict=True)), pauses
    asked = [step for step in steps if isinstance(step, Ask)]
    assert len(set(map(str, asked))) == 1, "the same key each time"
    assert len(asked[0].key) == 32


@pytest.mark.parametrize(
    "reply",
    [
        answer(400, {"status": 400, "message": "No."}),
        answer(404),
        answer(429, {"status": 429, "message": "Too many servers are active."}),
        answer(429, retry_after=str(int(LONGEST) + 1)),
        LOST_COMMAND,
    ],
)
def test_what_repeating_cannot_help_is_not_repeated(reply: Reply) -> None:
    with pytest.raises(HubError):
        taken(repeated(calls.start("alice"), 6), reply)


def test_it_gives_up_at_last() -> None:
    with pytest.raises(RefusedError) as caught:
        taken(repeated(calls.start("alice"), 3), LATER, None, LATER, None, LATER)
    assert (caught.value.status, caught.value.message, caught.value.retry_after) == (429, "Later.", 7)


def test_ones_own_key_is_used() -> None:
    ((step,), _) = taken(calls.create_user("alice", key="mine"))
    assert isinstance(step, Ask)
    assert step.key == "mine"


# --- refusals ---


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"status": 404, "message": "There is no user."}', "There is no user."),
        (b'{"status": 404, "message": null}', "The hub did not say why."),
        (b"<html>", "The hub did not say why."),
    ],
)
def test_a_refusal_has_status_and_message(body: bytes, message: str) -> None:
    with pytest.raises(RefusedError, match=f"^404: {message}$") as caught:
        taken(calls.user("alice"), Answer(404, {}, body))
    assert (caught.value.status, caught.value.message) == (404, message)


def test_what_is_no_answer_of_a_hub_is_an_error() -> None:
    with pytest.raises(HubError, match="no answer of a hub"):
        taken(calls.user("alice"), Answer(200, {}, b"<html>Please log in</html>"))


def test_no_answer_is_an_error_that_tells_why() -> None:
    with pytest.raises(UnreachableError, match="did not answer: lost") as caught:
        taken(calls.user("alice"), LOST_COMMAND)
    assert isinstance(caught.value.__cause__, httpx.ReadError)


# --- paths ---


@pytest.mark.parametrize(
    ("steps", "path"),
    [
        (calls.user("a/b c@d~é"), "/users/a%2Fb%20c@d~%C3%A9"),
        (calls.server("alice"), "/users/alice/server"),
        (calls.server("alice", "lab"), "/users/alice/servers/lab"),
        (calls.share("alice", user="bob"), "/shares/alice/"),
    ],
)
def test_names_are_encoded_and_the_default_server_has_none(steps: Steps[Any], path: str) -> None:
    ((step,), _) = taken(steps)
    assert isinstance(step, Ask)
    assert step.path == path


# --- events ---


def saw(step: Step, *events: tuple[str, dict[str, Any]]) -> list[bool]:
    assert isinstance(step, Follow)
    return [step.each(ServerSentEvent(number, json.dumps(data))) for number, data in events]


def test_waiting_ends_with_the_ready_event() -> None:
    told: list[Progress] = []
    steps = wait_ready("alice", on_event=told.append)
    follow = steps.send(None)
    half, whole = {"progress": 50, "message": "Half"}, {"progress": 100, "ready": True, "message": "Ready"}
    assert saw(follow, ("1", half), ("2", whole)) == [False, True]
    asked = steps.send(Left())
    assert isinstance(asked, Ask)
    with pytest.raises(StopIteration) as end:
        steps.send(server(ready=True))
    assert end.value.value.url == "/user/alice/"
    assert [event.message for event in told] == ["Half", "Ready"]


def test_a_stream_that_breaks_is_resumed_behind_its_last_event() -> None:
    steps = wait_ready("alice", "lab")
    first = steps.send(None)
    saw(first, ("7", {"progress": 10, "message": "Begun"}))
    steps.send(Left())  # broken: it looks for itself,
    pause = steps.send(server(pending="spawn"))  # waits a moment,
    assert isinstance(pause, Pause)
    second = steps.send(None)  # and goes on
    assert isinstance(second, Follow)
    assert (second.path, second.last_id) == ("/users/alice/servers/lab/progress", "7")


def test_without_a_stream_it_asks_now_and_then() -> None:
    pending, ready = server(pending="spawn"), server(ready=True)
    steps, found = taken(wait_ready("alice"), Left(), pending, None, Left(), pending, None, Left(), ready)
    assert found is not None
    assert [type(step) for step in steps] == [Follow, Ask, Pause, Follow, Ask, Pause, Follow, Ask]


def test_a_start_that_fails_says_why() -> None:
    steps = wait_ready("alice")
    saw(steps.send(None), ("1", {"progress": 100, "failed": True, "message": "No image."}))
    with pytest.raises(StartFailedError, match=r"No image\."):
        steps.send(Left())


def test_what_is_not_starting_is_not_waited_for() -> None:
    with pytest.raises(StartFailedError, match="is not starting"):
        taken(wait_ready("alice"), Left(), server(stopped=True))


def test_patience_ends() -> None:
    with pytest.raises(TimeoutError, match="was not ready in time"):
        taken(wait_ready("alice", timeout=0), Left(), server(pending="spawn"))
    with pytest.raises(TimeoutError, match="did not stop in time"):
        taken(wait_stopped("alice", timeout=0), server(pending="stop"), Left())


@pytest.mark.parametrize("last", [server(stopped=True), answer(404)])
def test_waiting_for_a_stop_ends_when_it_has_stopped_or_is_gone(last: Answer) -> None:
    steps, _ = taken(
        wait_stopped("alice"), server(ready=True), None, server(pending="stop"), Left(), None, last
    )
    assert [type(step) for step in steps] == [Ask, Pause, Ask, Follow, Pause, Ask]


# --- the network ---


def made_up(handle: Callable[[httpx.Request], httpx.Response]) -> httpx.MockTransport:
    return httpx.MockTransport(handle)


def test_a_request_carries_token_key_and_body() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        assert request.url == f"{URL}/users/alice"
        assert request.headers["authorization"] == "token t0ken"
        assert request.headers["accept"] == "application/json"
        assert len(request.headers["idempotency-key"]) == 32
        assert json.loads(request.content) == {"admin": True}
        return httpx.Response(
            201, json={"name": "alice", "admin": True, "last_activity": "2024-01-02T12:30:00Z"}
        )

    with Hub(f"{URL}/", "t0ken", transport=made_up(handle)) as hub:
        user = hub.create_user("alice", admin=True)
    assert user.last_activity is not None
    assert user.last_activity.year == 2024


@pytest.mark.parametrize(
    ("method", "error", "is_callboard", "tries"),
    [
        ("GET", httpx.ReadError("lost"), False, 2),
        ("POST", httpx.ConnectError("refused"), False, 2),
        ("POST", httpx.ReadError("lost"), True, 2),
        ("POST", httpx.ReadError("lost"), False, 1),
    ],
)
def test_a_broken_command_is_repeated_where_the_hub_knows_keys(
    method: str, error: httpx.TransportError, is_callboard: bool, tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/user"):
            headers = {"X-Callboard-Version": "1"} if is_callboard else {}
            return httpx.Response(200, json={"kind": "user", "name": "alice"}, headers=headers)
        asked.append(request.headers.get("idempotency-key", ""))
        if len(asked) == 1:
            raise error
        return httpx.Response(200, json={})

    monkeypatch.setattr("time.sleep", lambda _: None)
    with Hub(URL, "t", transport=made_up(handle)) as hub:
        hub.me()
        if tries == 1:
            with pytest.raises(UnreachableError):
                hub.request(method, "/groups/x")
        else:
            hub.request(method, "/groups/x")
    assert len(asked) == tries
    assert len(set(asked)) == 1


class Breaking(httpx.SyncByteStream):
    def __iter__(self) -> Iterator[bytes]:
        yield b'id: 4\ndata: {"progress": 10, "message": "Begun"}\n\n'
        raise httpx.ReadError("lost")


def test_progress_is_followed_again_where_the_connection_broke(monkeypatch: pytest.MonkeyPatch) -> None:
    followed: list[str | None] = []
    told: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/progress"):
            ready = len(followed) == 2
            return httpx.Response(
                200, json={"name": "", "ready": ready, "pending": None if ready else "spawn"}
            )
        followed.append(request.headers.get("last-event-id"))
        if len(followed) == 1:
            return httpx.Response(200, stream=Breaking())
        return httpx.Response(
            200, text='id: 5\ndata: {"progress": 100, "ready": true, "message": "Ready"}\n\n'
        )

    monkeypatch.setattr("time.sleep", lambda _: None)
    with Hub(URL, "t", transport=made_up(handle)) as hub:
        assert hub.wait_ready("alice", on_event=lambda event: told.append(event.message)).ready
    assert (followed, told) == ([None, "4"], ["Begun", "Ready"])


def pages(request: httpx.Request) -> httpx.Response:
    offset, limit = int(request.url.params["offset"]), int(request.url.params["limit"])
    assert request.headers["accept"] == "application/jupyterhub-pagination+json"
    names = [{"name": f"user{number}"} for number in range(5)][offset : offset + limit]
    following = {"offset": offset + limit, "limit": limit} if offset + limit < 5 else None
    position = {"offset": offset, "limit": limit, "total": 5, "next": following}
    return httpx.Response(200, json={"items": names, "_pagination": position})


FIVE = [f"user{number}" for number in range(5)]


def test_lists_go_through_all_pages() -> None:
    with Hub(URL, "t", transport=made_up(pages)) as hub:
        assert [user.name for user in hub.users(limit=2)] == FIVE


async def listed() -> list[str]:
    async with AsyncHub(URL, "t", transport=made_up(pages)) as hub:
        return [user.name async for user in hub.users(limit=2)]


@pytest.mark.parametrize("run", [trio.run, lambda function: asyncio.run(function())])
def test_it_works_on_trio_and_on_asyncio(run: Callable[..., list[str]]) -> None:
    assert run(listed) == FIVE


# --- the two clients ---


def methods(kind: type) -> dict[str, str]:
    return {
        name: str(inspect.signature(value))
        for name, value in vars(kind).items()
        if callable(value) and not name.startswith("_") and name not in ("close", "take")
    }


def test_both_clients_have_the_same_methods() -> None:
    assert methods(Hub) == methods(AsyncHub)
    assert methods(Hub)["delete_group"] == "(self, /, name: 'str', *, key: 'str' = '')"
    assert Hub.users.__doc__ is not None


def test_a_client_may_be_derived_from() -> None:
    class Ours(Hub):
        pass

    assert Ours.start is Hub.start


def test_address_and_token_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_URL", "http://hub.test/hub/api")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "of the service")

    def handle(request: httpx.Request) -> httpx.Response:
        assert (str(request.url), request.headers["authorization"]) == (f"{URL}/user", "token of the service")
        return httpx.Response(200, json={"kind": "service", "name": "ops"})

    with Hub(transport=made_up(handle)) as hub:
        assert hub.me().kind == "service"


def test_it_needs_nothing_of_the_hub() -> None:
    code = "import sys, web.client; print(*sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    hubs = ("core", "projections", "spawners", "web", "quart", "trio", "hypercorn", "werkzeug")
    loaded = {name for name in found if name.split(".")[0] in hubs and not name.startswith("web.client")}
    assert loaded == {
        "web",
        "core",
        "core.backoff",
        "web.http1",
        "web.http1.server_sent_events",
    }, "how long to wait, how events are read, and nothing else of the hub"


# --- a hub ---


def of(client: Client) -> AsyncHub:
    return AsyncHub(URL, ADMIN_TOKEN, transport=httpx.ASGITransport(client.app))


async def test_a_server_from_start_to_end(client: Client, autojump_clock: object) -> None:
    told: list[Progress] = []
    async with of(client) as hub:
        await hub.create_user("bob")
        slow = {"simulate": {"delay": 30, "progress": [[1, 20, "Pulling"]], "stop_delay": 30}}
        assert await hub.start("bob", "lab", options=slow) is False
        found = await hub.wait_ready("bob", "lab", on_event=told.append)
        assert (found.ready, found.url) == (True, "/user/bob/lab/")
        assert [event.message for event in told][-2:] == ["Pulling", "Server ready at /user/bob/lab/"]
        assert (await hub.logs("bob", "lab")).running
        assert await hub.stop("bob", "lab") is False
        await hub.wait_stopped("bob", "lab")
        assert (await hub.server("bob", "lab")).stopped
        assert await hub.stop("bob", "lab", remove=True) is True
        await hub.wait_stopped("bob", "lab")
        assert await hub.delete_user("bob") is True


async def test_a_start_that_fails_raises(client: Client, autojump_clock: object) -> None:
    async with of(client) as hub:
        with pytest.raises(RefusedError, match="out of memory"):
            await hub.start("alice", options={"simulate": {"fail": "out of memory"}})
        await hub.start("alice", options={"simulate": {"delay": 20, "fail": "out of memory"}})
        with pytest.raises(StartFailedError, match="out of memory"):
            await hub.wait_ready("alice")


async def test_users_tokens_and_groups(client: Client) -> None:
    async with of(client) as hub:
        assert [user.name for user in await hub.create_users(["bob", "carol"])] == ["bob", "carol"]
        assert (await hub.change_user("carol", name="dave")).name == "dave"
        assert [user.name async for user in hub.users(sort="-name", limit=2)] == ["dave", "bob", "alice"]
        assert (await hub.user("bob")).servers == {}
        issued = await hub.issue_token("bob", note="mine", scopes=["self"], expires_in=60)
        assert issued.token not in repr(issued)
        assert [token.note for token in await hub.tokens("bob")] == ["mine"]
        async with AsyncHub(URL, issued.token, transport=httpx.ASGITransport(client.app)) as bobs:
            assert (await bobs.me()).name == "bob"
        await hub.revoke_token("bob", issued.id)
        assert await hub.tokens("bob") == []
        await hub.create_group("students", users=["bob"])
        assert (await hub.add_to_group("students", ["dave"])).users == ["bob", "dave"]
        assert (await hub.remove_from_group("students", ["bob"])).users == ["dave"]
        assert (await hub.set_group_properties("students", {"term": 1})).properties == {"term": 1}
        assert [group.name async for group in hub.groups()] == ["students"]
        await hub.delete_group("students")
        with pytest.raises(RefusedError, match="404"):
            await hub.group("students")
        assert "ops" in await hub.services()
        assert (await hub.service("ops")).name == "ops"


async def test_the_same_key_is_carried_out_once(client: Client) -> None:
    async with of(client) as hub:
        first = await hub.issue_token("alice", note="once", key="k")
        second = await hub.issue_token("alice", note="once", key="k")
        assert (first.id, second.token) == (second.id, "")
        assert [token.note for token in await hub.tokens("alice")].count("once") == 1


async def test_the_start_api(client: Client, autojump_clock: object) -> None:
    async with of(client) as hub:
        started = await hub.quick_start({"name": "My Lab"})
        assert (started.status, started.next_url) == ("running", "http://hub.test/user/alice/my-lab/")
        assert (await hub.quick_status("alice", "my-lab")).status == "running"
        await hub.stop("alice", "my-lab")
        assert (await hub.quick_status("alice", "my-lab")).status == "stopped"


async def test_shares(client: Client) -> None:
    async with of(client) as hub:
        await hub.create_user("bob")
        await hub.create_server("alice", "lab", display_name="The Lab")
        share = await hub.share("alice", "lab", user="bob")
        assert share.user is not None
        assert share.user.name == "bob"
        assert [found.server.name async for found in hub.shares("alice")] == ["lab"]
        assert [found.server.user.name async for found in hub.shared_with("bob")] == ["alice"]
        await hub.unshare("alice", "lab", user="bob")
        assert [found async for found in hub.shares("alice", "lab")] == []
        code = await hub.create_share_code("alice", "lab", expires_in=60)
        assert code.code not in repr(code)
        bobs_token = (await hub.issue_token("bob")).token
        async with AsyncHub(URL, bobs_token, transport=httpx.ASGITransport(client.app)) as bobs:
            assert (await bobs.accept_share(code.code)).server.name == "lab"
        await hub.unshare("alice", "lab")
        assert [found async for found in hub.shared_with("bob")] == []
