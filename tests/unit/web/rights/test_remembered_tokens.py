"""Tokens that were found are remembered, and forgotten at the event that changes one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from core.scopes import Reach, Scopes
from tests.conftest import SERVICE_TOKEN, Client


async def _token(client: Client) -> tuple[str, str]:
    await client.post("/users/bob")
    made = (await client.post("/users/bob/tokens", json={})).json()
    return made["id"], made["token"]


async def _reads(client: Client, ask: Callable[[], Awaitable[object]]) -> list[str]:
    seen: list[str] = []
    db = client.hub.store.db
    db.set_trace_callback(seen.append)
    await ask()
    db.set_trace_callback(None)
    return seen


@pytest.mark.parametrize("way", ["revoked", "user deleted"])
async def test_a_token_that_was_used_is_none_as_soon_as_it_is_taken_away(client: Client, way: str) -> None:
    token_id, token = await _token(client)
    bob = client.with_token(token)
    assert [(await bob.get("/user")).status_code for _ in range(2)] == [200, 200]
    await client.delete(f"/users/bob/tokens/{token_id}" if way == "revoked" else "/users/bob")
    assert (await bob.get("/user")).status_code == 403


async def test_nothing_remembered_counts_while_something_recorded_is_not_told_of(client: Client) -> None:
    token_id, token = await _token(client)
    tokens, store = client.hub.tokens, client.hub.store
    assert tokens.find(token) is not None
    store.db.execute("DELETE FROM tokens WHERE id = ?", (token_id,))
    assert tokens.find(token) is not None
    store._listeners.head -= 1
    assert tokens.find(token) is None
    store._listeners.head += 1


async def test_who_was_seen_a_moment_ago_is_known_without_a_query(client: Client) -> None:
    await client.get("/")
    assert await _reads(client, lambda: client.get("/")) == []


def test_what_follows_from_scopes_is_worked_out_once_and_right() -> None:
    scopes = Scopes({"users": Reach(everywhere=True), "servers": Reach(users=frozenset({"bob"}))})
    assert scopes.everywhere == {"users"}
    assert list(scopes.somewhere) == [(Reach(users=frozenset({"bob"})), {"servers"})]
    scopes.as_strings().clear()
    assert scopes.as_strings() == ["servers!user=bob", "users"]
    assert scopes == Scopes(dict(scopes.held))


async def test_who_deletes_somebody_is_still_known_without_a_query(client: Client) -> None:
    await client.post("/users/bob")
    ops = client.with_token(SERVICE_TOKEN)
    await ops.get("/")
    assert (await ops.delete("/users/bob")).status_code == 204
    assert await _reads(client, lambda: ops.get("/")) == []


async def test_what_was_held_of_somebody_is_gone_with_them_and_does_not_come_back(client: Client) -> None:
    """A share of a server of bob's, remembered, is none of a bob who comes later."""
    for name in ("bob", "carol"):
        await client.post(f"/users/{name}")
    assert (await client.post("/users/bob/server")).status_code == 201
    assert (await client.post("/shares/bob/", json={"user": "carol"})).status_code == 200
    carol = client.with_token((await client.post("/users/carol/tokens", json={})).json()["token"])

    async def held() -> list[str]:
        return [text for text in (await carol.get("/user")).json()["scopes"] if "bob" in text]

    assert await held() == ["access:servers!server=bob/"]
    assert (await client.delete("/users/bob")).status_code == 204
    assert await held() == []
    assert (await client.post("/users/bob")).status_code == 201
    assert await held() == []
