"""How many event streams a hub has: no more than it may, and none that is over. On real sockets."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from quart import Response
from quart.wrappers import Request

from core.errors import ThrottledError
from core.settings import CallboardSettings
from tests.conftest import ADMIN_TOKEN, SERVICE_TOKEN, Client, hub_in_memory, settings_for_tests
from tests.served import Served, Wire, served
from tests.unit.web.api.test_metrics import numbers
from web.api import following
from web.app.app import build_app
from web.hub.hub import Hub
from web.site.stream_places import StreamPlace, StreamPlaces

FEW = replace(settings_for_tests(), callboard=CallboardSettings(max_streams=3, max_streams_per_user=2))


def follow(token: str, path: str = "/hub/api/events") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: hub.test\r\nAuthorization: token {token}\r\n\r\n".encode()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.integers(0, 20))))
def test_no_more_are_taken_than_there_are_and_each_is_left_once(steps: list[tuple[str, bool, int]]) -> None:
    places = StreamPlaces(5, 3)
    held: list[tuple[str, StreamPlace]] = []
    left: list[StreamPlace] = []
    for who, takes, which in steps:
        of_who = sum(one == who for one, _ in held)
        if takes and (of_who == 3 or len(held) == 5):
            with pytest.raises(ThrottledError):
                places.take(who)
        elif takes:
            held.append((who, places.take(who)))
        elif held:
            left.append(held.pop(which % len(held))[1])
        for place in left:
            place.leave()
        assert places.taken == len(held)


async def test_streams_beyond_the_bounds_are_refused_with_the_reason() -> None:
    async with hub_in_memory(FEW) as hub, served(build_app(hub)) as server:
        async with await server.connect() as one, await server.connect() as two:
            for wire in (one, two):
                await wire.send(follow(ADMIN_TOKEN))
                assert (await wire.head()).code == 200
            third = await server.ask(follow(ADMIN_TOKEN))
            assert (third.status, third.header("Retry-After")) == ("HTTP/1.1 429 Too Many Requests", "30")
            assert b"2 streams are open with your credentials" in third.body
            async with await server.connect() as three:
                await three.send(follow(SERVICE_TOKEN))
                assert (await three.head()).code == 200
                assert b"3 streams are open" in (await server.ask(follow(SERVICE_TOKEN))).body
                async with Client(hub, ADMIN_TOKEN) as client:
                    found = await numbers(client)
                assert (found["callboard_streams"], found["callboard_streams_refused_total"]) == (3, 2)
                await proxys_is_open(server, hub)
        await none_open(hub)
        async with await server.connect() as again:
            await again.send(follow(ADMIN_TOKEN))
            assert (await again.head()).code == 200


async def proxys_is_open(server: Served, hub: Hub) -> None:
    async with await server.connect() as wire:
        await wire.send(follow(hub.proxy_secret, "/hub/api/proxy/stream?proxy=p"))
        assert (await wire.head()).code == 200
        assert hub.stream_places.taken == 3


async def none_open(hub: Hub) -> None:
    with trio.fail_after(5):
        while hub.stream_places.taken:
            await trio.sleep(0.01)


async def closes(wire: Wire, server: Served) -> None:
    await wire.head()
    wire.sock.close()


async def closes_at_once(wire: Wire, server: Served) -> None:
    wire.sock.close()


async def resets(wire: Wire, server: Served) -> None:
    wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    wire.sock.close()


async def says_no_more(wire: Wire, server: Served) -> None:
    wire.end_sending()


async def is_told_the_hub_ends(wire: Wire, server: Served) -> None:
    await wire.head()
    server.over.set()


@pytest.mark.parametrize("end", [closes, closes_at_once, resets, says_no_more, is_told_the_hub_ends])
async def test_a_place_is_left_however_a_stream_ends(
    hub: Hub, end: Callable[[Wire, Served], Awaitable[None]]
) -> None:
    async with served(build_app(hub)) as server, await server.connect() as wire:
        await wire.send(follow(ADMIN_TOKEN))
        await end(wire, server)
        await trio.sleep(0.05)
        await none_open(hub)


async def test_a_place_is_left_by_a_stream_that_ends_by_itself(client: Client) -> None:
    await client.post("/users/bob")
    await client.post("/users/bob/server")
    async with served(client.app) as server:
        answer = await server.ask(follow(ADMIN_TOKEN, "/hub/api/users/bob/server/progress"))
    assert b'"ready":true' in answer.body
    assert client.hub.stream_places.taken == 0


async def test_a_place_is_left_by_a_stream_that_meets_a_bug(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> AsyncIterator[bytes]:
        yield b": begun\n\n"
        raise RuntimeError("a bug")

    monkeypatch.setattr(following.Following, "stream", broken)
    async with served(build_app(hub)) as server, await server.connect() as wire:
        await wire.send(follow(ADMIN_TOKEN))
        assert not (await wire.rest()).endswith(b"0\r\n\r\n")
        await none_open(hub)


async def test_a_place_is_left_where_nobody_is_there_any_more_when_it_is_to_begin(hub: Hub) -> None:
    """Its reader leaves between the decision and the first byte."""
    app = build_app(hub)
    whole, answered = app.handle_request, trio.Event()

    async def handle(request: Request) -> Response:
        response = await whole(request)
        answered.set()
        await trio.sleep_forever()
        return response

    app.handle_request = handle  # type: ignore[method-assign,assignment]
    async with served(app) as server:
        wire = await server.connect()
        await wire.send(follow(ADMIN_TOKEN))
        await answered.wait()
        assert hub.stream_places.taken == 1
        wire.sock.close()
        await none_open(hub)


async def test_a_place_is_left_over_asgi_too(hub: Hub) -> None:
    app = build_app(hub)
    async with served(app, "hypercorn") as server, await server.connect() as wire:
        await wire.send(follow(ADMIN_TOKEN))
        await wire.head()
        assert hub.stream_places.taken == 1
        wire.sock.close()
        await none_open(hub)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub.test") as client:
        assert (await client.get("/hub/api/events")).status_code == 403
    assert hub.stream_places.taken == 0
