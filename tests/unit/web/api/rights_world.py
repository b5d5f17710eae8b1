"""Helpers for tests about who may do what: users, groups and tokens of any kind in a few words."""

from __future__ import annotations

from typing import Any

import httpx

from tests.conftest import Client

PAGES = {"Accept": "application/jupyterhub-pagination+json"}


async def send(client: Client, method: str, path: str, body: Any = None) -> httpx.Response:
    return await client.request(method, path, json=body)


async def users(client: Client, *names: str) -> None:
    assert (await client.post("/users", json={"usernames": list(names)})).status_code == 201


async def group(client: Client, name: str, *members: str) -> None:
    assert (await client.post(f"/groups/{name}", json={"users": list(members)})).status_code == 201


async def token_of(client: Client, user: str, *scopes: str) -> Client:
    """A client with a token of this user's, of these scopes; without any: of all the user has."""
    asked = {"scopes": list(scopes)} if scopes else {}
    answer = await client.post(f"/users/{user}/tokens", json=asked)
    assert answer.status_code == 201, answer.text
    return client.with_token(answer.json()["token"])
