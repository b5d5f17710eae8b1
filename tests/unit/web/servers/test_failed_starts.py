"""Starts that fail one after another, and a hub that has had enough."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from core.events.record import HUB, Record
from core.events.server import ServerEvent, SpawnFailed, SpawnSucceeded
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests
from web.servers.failed_starts import FailedStarts

ERROR, REFUSED, WELL = SpawnFailed("s1", "no"), SpawnFailed("s1", "no", 400), SpawnSucceeded("s1")


@pytest.mark.parametrize(
    ("story", "given_up"),
    [
        ([ERROR], []),
        ([ERROR, ERROR], [2]),
        ([ERROR, REFUSED, ERROR], [2]),
        ([ERROR, WELL, ERROR], []),
        ([REFUSED, REFUSED, REFUSED], []),
        ([ERROR, ERROR, ERROR], [2]),
    ],
)
def test_errors_count_until_a_success(story: list[ServerEvent], given_up: list[int]) -> None:
    found: list[int] = []
    starts = FailedStarts(2, found.append)
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    starts.on_records([Record(n, "server/v1", n, moment, HUB, event) for n, event in enumerate(story, 1)])
    assert found == given_up


async def test_a_hub_that_gives_up_takes_nothing_with_it(autojump_clock: object) -> None:
    settings = settings_for_tests()
    settings = replace(settings, spawner=replace(settings.spawner, consecutive_failure_limit=2))
    async with hub_in_memory(settings) as hub, Client(hub, ADMIN_TOKEN) as client:
        for status, failing in [(500, True), (400, False), (500, True)]:
            assert not hub.closing.is_set()
            simulate = {"fail": "no room", "fail_status": status}
            answer = await client.post("/users/alice/server", json={"simulate": simulate})
            assert (answer.status_code, failing) == (status, status >= 500)
        assert hub.closing.is_set()
        assert "2 starts have failed" in hub.ending.trouble
        assert (hub.ending.servers, hub.ending.proxy) == (False, False)


async def test_without_a_limit_a_hub_goes_on(client: Client, autojump_clock: object) -> None:
    for _ in range(10):
        await client.post("/users/alice/server", json={"simulate": {"fail": "no room"}})
    assert not client.hub.closing.is_set()
