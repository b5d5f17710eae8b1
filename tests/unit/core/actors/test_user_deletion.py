"""Users who are being deleted, and their servers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import trio
from trio.testing import MockClock

from core import user
from core.actors.entity import Entities
from core.actors.errands import RETRY, Errands
from core.actors.servers.supervisor import ISOLATION
from core.actors.user_deletion import UserDeletion
from core.errors import NotFoundError, UnavailableError
from core.events.record import HUB
from core.events.user import UserDeleted, UserDeletionRequested, UserEvent, user_stream
from core.server import Stopped
from core.user import AddServer, AnyUser, Command, Create, NoUser, User
from tests.unit.core.actors.actor_world import ALICE, Hub, World

Users = Entities[AnyUser, Command, UserEvent]


class Leaving:
    """A hub with one user, u1, who has two servers: v1 and v2."""

    def __init__(self, hub: Hub, errands: Errands) -> None:
        self.hub = hub
        self.users: Users = Entities(hub.world.store, user_stream, NoUser(), user.decide, user.evolve)
        self.user_deletion = UserDeletion(self.users, hub.servers, errands, hub.world.spawner)

    async def make(self) -> None:
        await self.users.ask("u1", Create("alice", "v1"), by=HUB)
        await self.users.ask("u1", AddServer("v2", "lab"), by=HUB)

    async def is_gone(self) -> bool:
        try:
            return not isinstance(await self.users.ask("u1", AddServer("v3", "x"), by=HUB), User)
        except NotFoundError:
            return True
        except Exception:
            return False


@asynccontextmanager
async def leaving(world: World) -> AsyncIterator[Leaving]:
    async with world.hub() as hub, trio.open_nursery() as nursery:
        errands = Errands()
        await nursery.start(errands.run)
        yield Leaving(hub, errands)
        nursery.cancel_scope.cancel()


@pytest.fixture
def world() -> World:
    return World()


async def test_a_user_goes_once_the_servers_have_ended(world: World, autojump_clock: MockClock) -> None:
    async with leaving(world) as world_of:
        await world_of.make()
        await world_of.hub.start_ready({"stop_delay": 5})
        await world_of.hub.start({"delay": 50, "stop_delay": 20}, server_id="v2")
        await world_of.user_deletion.begin("u1", by=ALICE)
        assert not await world_of.is_gone()
        await world_of.user_deletion.wait_gone("u1")
        assert await world_of.is_gone()
        assert trio.current_time() == pytest.approx(20, abs=0.5)
    assert world.backend.running() == []


async def test_a_user_without_running_servers_goes_at_once(world: World, autojump_clock: MockClock) -> None:
    async with leaving(world) as world_of:
        await world_of.make()
        await world_of.user_deletion.begin("u1", by=ALICE)
        await world_of.user_deletion.wait_gone("u1")
        assert await world_of.is_gone()
        with pytest.raises(NotFoundError):
            await world_of.user_deletion.begin("u1", by=ALICE)
        world_of.user_deletion.go_on("u1")  # of one who has gone already
        with trio.fail_after(1):
            await world_of.user_deletion.wait_gone("u1")


async def test_one_whose_servers_have_ended_goes_with_one_append(
    world: World, autojump_clock: MockClock
) -> None:
    async with leaving(world) as world_of:
        await world_of.make()
        await world_of.hub.start_ready()
        await world_of.hub.stop()
        await world_of.hub.wait_stopped()
        await trio.testing.wait_all_tasks_blocked()
        await world_of.user_deletion.begin("u1", by=ALICE)
        assert not world_of.user_deletion.is_under_way("u1")
        assert await world_of.is_gone()
    last = [record for record in world.store.read_all() if record.stream == "user/u1"][-2:]
    assert [type(record.event) for record in last] == [UserDeletionRequested, UserDeleted]
    assert {(record.at, record.by) for record in last} == {(last[0].at, ALICE)}


@pytest.mark.parametrize("kept", [("u1", "v2"), ("u1", "")], ids=["for a server", "for the user"])
async def test_what_is_kept_goes_first(
    world: World, autojump_clock: MockClock, kept: tuple[str, str]
) -> None:
    world.backend.volumes.add(kept)
    async with leaving(world) as world_of:
        await world_of.make()
        await world_of.user_deletion.begin("u1", by=ALICE)
        assert world_of.user_deletion.is_under_way("u1")
        await world_of.user_deletion.wait_gone("u1")
        assert await world_of.is_gone()
    assert not world.backend.volumes


async def test_who_starts_a_server_at_that_moment_is_ended_first(
    world: World, autojump_clock: MockClock
) -> None:
    async with leaving(world) as world_of, trio.open_nursery() as nursery:
        await world_of.make()
        nursery.start_soon(world_of.hub.start)
        await trio.lowlevel.checkpoint()  # it is asked for, and nothing of it is in the log
        assert not world.records("v1")
        await world_of.user_deletion.begin("u1", by=ALICE)
        assert world_of.user_deletion.is_under_way("u1")
        await world_of.user_deletion.wait_gone("u1")
        nursery.cancel_scope.cancel()
    assert world.backend.running() == []


async def test_asking_again_may_be_what_finishes_it(world: World, autojump_clock: MockClock) -> None:
    async with leaving(world) as world_of:
        await world_of.make()
        await world_of.hub.start_ready({"stop_delay": 5})
        async with trio.open_nursery() as nursery:
            await world_of.user_deletion.begin("u1", by=ALICE)
            while not await world_of.is_gone():
                nursery.start_soon(_ask_again, world_of)
                await trio.sleep(0.1)
        with trio.fail_after(1):
            await world_of.user_deletion.wait_gone("u1")
        assert not world_of.user_deletion.is_under_way("u1")
        assert world.backend.running() == []


async def _ask_again(world_of: Leaving) -> None:
    with suppress(NotFoundError):
        await world_of.user_deletion.begin("u1", by=HUB)


async def test_a_user_stays_until_the_leftovers_have_ended(world: World, autojump_clock: MockClock) -> None:
    """With the user, the server and all it has left behind would be forgotten."""
    async with leaving(world) as world_of:
        await world_of.make()
        ready = await world_of.hub.start_ready({"stop_hangs": True})
        await world_of.user_deletion.begin("u1", by=ALICE)
        await world_of.hub.wait_stopped()
        await trio.sleep(500)
        assert not await world_of.is_gone()
        world.backend.kill(ready.spawn_id)
        await world_of.user_deletion.wait_gone("u1")
        assert await world_of.is_gone()


async def test_a_wish_outlives_the_hub(world: World, autojump_clock: MockClock) -> None:
    async with leaving(world) as world_of:
        await world_of.make()
        await world_of.hub.start_ready({"stop_delay": 20})
        await world_of.user_deletion.begin("u1", by=ALICE)
    async with leaving(world) as world_of:
        world_of.user_deletion.go_on("u1")
        world_of.user_deletion.go_on("u1")
        await world_of.user_deletion.wait_gone("u1")
        assert await world_of.is_gone()
    assert world.backend.running() == []


async def test_nothing_that_goes_wrong_makes_it_give_up(world: World, autojump_clock: MockClock) -> None:
    async with leaving(world) as world_of:
        await world_of.make()
        await world_of.hub.start_ready()
        await world_of.hub.start_ready(server_id="v2")
        world.store.hiccups = [KeyError("bug")] * 5
        with pytest.raises(KeyError):
            await world_of.user_deletion.begin("u1", by=ALICE)
        await world_of.user_deletion.begin("u1", by=ALICE) if not world.store.hiccups else None
        world.store.hiccups.clear()
        world.store.is_away = True
        with pytest.raises(UnavailableError):
            await world_of.user_deletion.begin("u1", by=ALICE)
        world.store.is_away = False
        await world_of.user_deletion.begin("u1", by=ALICE)
        world.store.is_away = True
        world.store.hiccups = [KeyError("bug")] * 9
        await trio.sleep(60)
        world.store.is_away = False
        await world_of.user_deletion.wait_gone("u1")
        assert await world_of.is_gone()
        assert trio.current_time() < 60 + 2 * ISOLATION + RETRY.longest
    assert isinstance(Stopped(), Stopped)
    assert world.backend.running() == []


async def test_what_was_kept_goes_with_the_user_and_not_before_the_engine_says_so(
    world: World, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """And the wish outlives the hub, as any other."""
    kept = {("u1", "v1"), ("u1", "v2"), ("u1", "")}
    world.backend.volumes |= kept | {("u2", "v9")}
    async with leaving(world) as world_of:
        await world_of.make()
        world.backend.is_down = True
        await world_of.user_deletion.begin("u1", by=ALICE)
        await trio.sleep(500)
        assert not await world_of.is_gone()
    assert world.backend.volumes > kept
    assert "What was kept for alice cannot be deleted now" in caplog.text
    assert "Traceback" not in caplog.text, "that an engine is away is no bug"
    world.backend.is_down = False
    async with leaving(world) as world_of:
        world_of.user_deletion.go_on("u1")
        await world_of.user_deletion.wait_gone("u1")
        assert await world_of.is_gone()
    assert world.backend.volumes == {("u2", "v9")}
