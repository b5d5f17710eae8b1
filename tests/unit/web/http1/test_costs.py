"""What one request does, exactly: whoever makes it do more, or less, changes this table.

Each is asked twice over one connection, and the second time counts: what is remembered between requests is known then.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.conftest import ADMIN_TOKEN, Client
from tests.served import Wire, served
from web.app.app import build_app
from web.http1.stream import Stream
from web.hub.hub import Hub

TOKEN = f"Host: hub.test\r\nAuthorization: token {ADMIN_TOKEN}\r\n"


class Costs(NamedTuple):
    """SQL statements, and commits among them; calls of send; tasks that were started."""

    statements: int
    commits: int
    sends: int
    tasks: int


class Case(NamedTuple):
    method: str
    path: str
    status: int
    costs: Costs


CASES = {
    "root": Case("GET", "/", 302, Costs(0, 0, 1, 0)),
    "own user": Case("GET", "/hub/api/user", 200, Costs(1, 0, 1, 0)),
    "a user": Case("GET", "/hub/api/users/bob", 200, Costs(1, 0, 1, 0)),
    "a page of 50": Case("GET", "/hub/api/users?limit=50", 200, Costs(1, 0, 1, 0)),
    "a new user": Case("POST", "/hub/api/users/new-{}", 201, Costs(16, 1, 1, 0)),
}


class Tasks(trio.abc.Instrument):
    spawned = 0

    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        self.spawned += 1


async def ask(wire: Wire, case: Case, number: int) -> int:
    await wire.send(f"{case.method} {case.path.format(number)} HTTP/1.1\r\n{TOKEN}\r\n".encode())
    return (await wire.reply()).code


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_a_request_costs_what_the_table_says(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    sends: list[int] = []
    send_now = Stream.send_now

    def counted(self: Stream, data: bytes | memoryview) -> int:
        sends.append(len(data))
        return send_now(self, data)

    monkeypatch.setattr(Stream, "send_now", counted)
    async with Client(hub, ADMIN_TOKEN) as client:
        await client.post("/users", json={"usernames": ["bob", *(f"user-{number}" for number in range(60))]})
    async with served(build_app(hub)) as server, await server.connect() as wire:
        assert await ask(wire, case, 1) == case.status
        await wait_all_tasks_blocked()
        sends.clear()
        statements: list[str] = []
        database: sqlite3.Connection = hub.store.db
        database.set_trace_callback(statements.append)
        tasks = Tasks()
        trio.lowlevel.add_instrument(tasks)
        assert await ask(wire, case, 2) == case.status
        trio.lowlevel.remove_instrument(tasks)
        database.set_trace_callback(None)
    commits = sum(statement.startswith("COMMIT") for statement in statements)
    found = Costs(len(statements), commits, len(sends), tasks.spawned)
    assert found == case.costs, "\n".join([str(found), *statements])
