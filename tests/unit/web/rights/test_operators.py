"""Who administers a hub from its own machine."""

from __future__ import annotations

import pytest

from core.scopes import NOTHING
from tests.conftest import Client, hub_in_memory
from web.rights.operators import LIFE, MOST, Operators


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_token_is_good_for_an_hour() -> None:
    clock = Clock()
    operators = Operators(lambda: NOTHING, clock)
    token = operators.admit("root")
    found = operators.find(token)
    assert found is not None
    assert (found.principal, found.token_id) == ("hub", "command-line/root")
    assert operators.find(token[:-1]) is None
    clock.now += LIFE
    assert operators.find(token) is None


def test_the_oldest_goes_where_there_are_too_many() -> None:
    operators = Operators(lambda: NOTHING, Clock())
    tokens = [operators.admit("root") for _ in range(MOST + 1)]
    assert operators.find(tokens[0]) is None
    assert operators.find(tokens[1]) is not None


async def test_an_operator_may_do_what_administrators_may_and_the_log_says_who_it_was(
    autojump_clock: object,
) -> None:
    async with hub_in_memory() as hub:
        client = Client(hub, hub.operators.admit("root"))
        assert (await client.post("/users/bob")).status_code == 201
        assert (await client.post("/users/bob/server")).status_code in (201, 202)
        assert (await client.delete("/users/bob")).status_code in (202, 204)
        by = {(record.by.principal, record.by.via) for record in hub.store.read_all() if record.by.via}
        assert ("hub", "command-line/root") in by
        assert (await client.get("/user")).status_code == 403


@pytest.mark.parametrize("path", ["/proxy/stream?proxy=p1"])
async def test_an_operator_is_no_proxy(path: str, autojump_clock: object) -> None:
    async with hub_in_memory() as hub:
        assert (await Client(hub, hub.operators.admit("root")).get(path)).status_code == 403
