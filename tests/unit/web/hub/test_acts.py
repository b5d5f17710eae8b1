"""What can be done with a hub is done by whoever asks: no request of the web is needed for it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from msgspec.structs import replace

from core.errors import ForbiddenError, LimitError, UnavailableError
from core.events.record import HUB
from core.events.server import StopRequested
from core.plugins.hooks import trio_hook
from core.server import Ready
from core.user import Create
from projections import users
from projections.users import UserRow
from tests.conftest import hub_in_memory, settings_for_tests
from tests.unit.web.login.test_refresh import hub_with
from web.hub.hub import Hub
from web.servers.named import StartRequest


async def bob_of(hub: Hub) -> UserRow:
    await hub.entities.users.ask("u-bob", Create("bob", "v-bob"), by=HUB)
    bob = users.by_name(hub.store.db, "bob")
    assert bob is not None
    return bob


@pytest.fixture(scope="module")
def told() -> dict[str, object]:
    """By a process of its own: this one has loaded everything."""
    command = [sys.executable, "-m", "tests.unit.web.hub.timed_start"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    told: dict[str, object] = json.loads(done.stdout)
    return told


def test_a_timer_starts_a_server_and_removes_it_and_quart_is_not_even_loaded(told: dict[str, object]) -> None:
    assert (told["was ready"], told["is gone"], told["quart"]) == (True, True, False)


def test_what_a_timer_does_is_recorded_as_its_own(told: dict[str, object]) -> None:
    assert told["recorded"] == ["ServerAdded", "SpawnRequested", "ServerRemovalRequested"]


# --- what a request would have brought ---


async def test_hooks_are_handed_none_for_the_handler(autojump_clock: object) -> None:
    handlers: list[Any] = []

    @trio_hook
    async def before(spawner: Any) -> None:
        handlers.append(spawner.handler)

    @trio_hook
    async def limit(handler: Any) -> int:
        handlers.append(handler)
        return 1

    settings = settings_for_tests(named_server_limit_per_user=limit)
    settings = replace(settings, spawner=replace(settings.spawner, pre_spawn_hook=before))
    async with hub_in_memory(settings) as hub:
        bob, acts = await bob_of(hub), hub.acts
        lab = await acts.named.find_or_add(bob, "lab", by=HUB)
        with pytest.raises(LimitError):
            await acts.named.add(bob, "another", StartRequest(), by=HUB)
        started = await acts.starting.begin(bob, lab, by=HUB)
        assert isinstance(await acts.starting.wait_settled(started, 10), Ready)
    assert handlers == [None, None, None]


@pytest.mark.parametrize("is_strict", [False, True])
async def test_a_login_that_has_expired_keeps_a_timer_from_nothing_unless_that_is_strict(
    is_strict: bool, autojump_clock: object
) -> None:
    async with hub_with(refresh_pre_spawn=True, auth_refresh_strict=is_strict) as (hub, provider):
        bob, acts = await bob_of(hub), hub.acts
        server = await acts.named.find_or_add(bob, "", by=HUB)
        provider.answer = None
        if is_strict:
            with pytest.raises(ForbiddenError, match="has expired"):
                await acts.starting.begin(bob, server, by=HUB)
        else:
            assert (await acts.starting.begin(bob, server, by=HUB)).spawn_id is not None
        assert [name for name, _ in provider.asked] == ["bob"]


async def test_a_second_start_joins_the_first_and_waits_for_nothing(hub: Hub, autojump_clock: object) -> None:
    bob, acts = await bob_of(hub), hub.acts
    server = await acts.named.find_or_add(bob, "", by=HUB)
    first = await acts.starting.begin(bob, server, by=HUB)
    second = await acts.starting.begin(bob, server, by=HUB)
    assert (second.spawn_id, await acts.starting.wait_settled(second, 10)) == (None, None)
    assert isinstance(await acts.starting.wait_settled(first, 10), Ready)


async def test_no_server_starts_while_all_are_about_to_stop(hub: Hub) -> None:
    bob, acts = await bob_of(hub), hub.acts
    server = await acts.named.find_or_add(bob, "", by=HUB)
    hub.ending.servers = True
    hub.closing.set()
    with pytest.raises(UnavailableError):
        await acts.starting.begin(bob, server, by=HUB)


async def test_a_timer_says_why_it_stops_a_server(hub: Hub, autojump_clock: object) -> None:
    bob, acts = await bob_of(hub), hub.acts
    server = await acts.named.find_or_add(bob, "", by=HUB)
    await acts.starting.wait_settled(await acts.starting.begin(bob, server, by=HUB), 10)
    assert await acts.stopping.stop(bob, server, by=HUB, why="Nobody used it.", reason="culled", wait=10)
    (stop,) = [record.event for record in hub.store.read_all() if isinstance(record.event, StopRequested)]
    assert (stop.why, stop.reason) == ("Nobody used it.", "culled")
