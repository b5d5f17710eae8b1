"""What every spawner must do; whatever is said in `core/plugins/spawner.py` is asked here of each of them."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
from msgspec.structs import replace

from core.errors import SpawnError, UnreachableError
from core.naming.ids import new_id
from core.plugins.spawner import Attempt, Gone, Kept, Lost, Progress, Running
from tests.integration.spawner_worlds import (
    DockerWorld,
    LocalWorld,
    PluginWorld,
    SimulatedWorld,
    SlurmWorld,
    ToyWorld,
    World,
    ignore,
)

ENGINES: dict[type[World], str] = {
    DockerWorld: "docker",
    SlurmWorld: "wide_slurm",
}  # by the names of their fixtures
REAL_ENGINES = [pytest.param(kind, marks=pytest.mark.world) for kind in ENGINES]


@pytest.fixture(
    params=[SimulatedWorld, LocalWorld, ToyWorld, PluginWorld, *REAL_ENGINES], ids=lambda kind: kind.name
)
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    engine = [request.getfixturevalue(name) for kind, name in ENGINES.items() if kind is request.param]
    world: World = request.param(tmp_path, *engine)
    with trio.fail_after(60):
        yield world
        await world.close()


async def test_a_server_runs_from_start_to_stop(world: World) -> None:
    hub, attempt = world.hub(), world.attempt()
    reports: list[Progress] = []
    url = await hub.start(attempt, reports.append)
    assert url.startswith("http://")
    assert reports[0].progress == 50
    await world.wait_up(url)
    assert isinstance(await hub.poll(attempt.spawn_id), Running)
    assert await hub.list_attempts() == [attempt.spawn_id]
    state = hub.state(attempt.spawn_id)
    assert world.hub().state(attempt.spawn_id) == state
    assert ("pid" in state) == (world.name in ("local_process", "plugin"))
    assert isinstance(await hub.stop(attempt.spawn_id), Gone)
    assert hub.state(attempt.spawn_id) == world.hub().state(attempt.spawn_id) == {}
    assert isinstance(await hub.poll(attempt.spawn_id), Gone)
    assert await hub.list_attempts() == []


async def test_the_mark_is_told_with_what_runs_to_this_hub_and_the_next(world: World) -> None:
    marked, unmarked = replace(world.attempt(), mark="log.1042.seal"), world.attempt()
    for attempt in (marked, unmarked):
        await world.hub().start(attempt, ignore)
    listed = await world.hub().listed()
    assert {one.spawn_id: one.mark for one in listed} == {
        marked.spawn_id: "log.1042.seal",
        unmarked.spawn_id: "",
    }
    assert all(one.age is not None and 0 <= one.age < 60 for one in listed)
    for attempt in (marked, unmarked):
        await world.hub().stop(attempt.spawn_id)
    assert await world.hub().listed() == []


async def test_what_was_never_started_is_gone(world: World) -> None:
    hub, spawn_id = world.hub(), new_id("s")
    assert await hub.poll(spawn_id) == Gone(None)
    assert await hub.stop(spawn_id) == Gone(None)
    assert await hub.last_lines(spawn_id) == []
    assert await hub.list_attempts() == []
    with trio.fail_after(1):
        await hub.wait_news(spawn_id)
    await hub.forget(spawn_id)


async def test_the_next_hub_joins(world: World) -> None:
    attempt = world.attempt()
    url = await world.hub().start(attempt, ignore)
    next_hub = world.hub()
    assert isinstance(await next_hub.poll(attempt.spawn_id), Running)
    assert await next_hub.start(attempt, ignore) == url
    assert await next_hub.list_attempts() == [attempt.spawn_id]
    await next_hub.stop(attempt.spawn_id)
    assert isinstance(await world.hub().poll(attempt.spawn_id), Gone)


@pytest.mark.parametrize("hubs", [1, 2])
async def test_starting_twice_at_once_starts_one(world: World, hubs: int) -> None:
    both = [world.hub() for _ in range(hubs)] * (4 // hubs)
    attempt = world.attempt()
    urls = set()

    async def start(index: int) -> None:
        urls.add(await both[index].start(attempt, ignore))

    async with trio.open_nursery() as nursery:
        for index in range(len(both)):
            nursery.start_soon(start, index)
    assert len(urls) == 1
    assert await both[0].list_attempts() == [attempt.spawn_id]
    if isinstance(world, LocalWorld):
        assert len(world.processes(attempt.spawn_id)) == world.processes_each


async def test_a_stop_may_be_repeated_and_doubled(world: World) -> None:
    hub, attempt = world.hub(), world.attempt()
    await hub.start(attempt, ignore)
    async with trio.open_nursery() as nursery:
        for stopping in (hub, hub, world.hub()):
            nursery.start_soon(stopping.stop, attempt.spawn_id)
    assert await hub.stop(attempt.spawn_id) == await world.hub().stop(attempt.spawn_id)
    assert await hub.list_attempts() == []


@pytest.mark.parametrize("seed", range(25))
async def test_a_start_that_was_cancelled_can_be_stopped(world: World, seed: int) -> None:
    rng = random.Random(seed)
    attempt = world.attempt()
    hub = world.hub()
    with trio.move_on_after(rng.expovariate(1 / 0.003)):
        await hub.start(attempt, ignore)
    stopping = hub if rng.random() < 0.5 else world.hub()
    await trio.sleep(rng.choice([0, 0, 0.001, 0.003]))
    await stopping.stop(attempt.spawn_id)
    assert await stopping.list_attempts() == []
    assert isinstance(await stopping.poll(attempt.spawn_id), Gone)
    if isinstance(world, LocalWorld):
        await hub.list_attempts()  # the launcher is this process's child, whoever stops it
        assert not world.processes(attempt.spawn_id)


@pytest.mark.parametrize(
    ("end", "status"), [({"exit": 0}, 0), ({"exit": 7}, 7), ({"signal": 9}, -9), ({"signal": 15}, -15)]
)
async def test_death_is_noticed_and_explained_to_any_hub(
    world: World, end: dict[str, int], status: int
) -> None:
    hub, attempt = world.hub(), world.attempt(**end)
    await hub.start(attempt, ignore)
    next_hub = world.hub()
    assert isinstance(await next_hub.poll(attempt.spawn_id), Running)
    with trio.fail_after(5):
        await next_hub.wait_news(attempt.spawn_id)
    for each in (next_hub, hub) if world.tells_any_hub else (hub, next_hub):
        assert await each.poll(attempt.spawn_id) == Gone(status)
    assert await world.hub().poll(attempt.spawn_id) == Gone(status)
    assert await world.hub().stop(attempt.spawn_id) == Gone(status)


async def test_an_attempt_that_has_ended_is_not_run_again(world: World) -> None:
    hub = world.hub()
    died, stopped, never_ran = world.attempt(exit=3), world.attempt(), world.attempt()
    await hub.start(died, ignore)
    await hub.wait_news(died.spawn_id)
    await hub.poll(died.spawn_id)
    await hub.start(stopped, ignore)
    await hub.stop(stopped.spawn_id)
    for attempt in (died, stopped):
        for each in (hub, world.hub()):
            with pytest.raises(SpawnError):
                await each.start(attempt, ignore)
    assert await hub.list_attempts() == []
    assert isinstance(await hub.poll(never_ran.spawn_id), Gone)


async def test_the_last_lines_survive_until_they_are_forgotten(world: World) -> None:
    hub, attempt = world.hub(), world.attempt()
    url = await hub.start(attempt, ignore)
    await world.wait_up(url)
    lines = await hub.last_lines(attempt.spawn_id)
    assert lines
    await hub.forget(attempt.spawn_id)  # it runs: nothing is forgotten
    assert isinstance(await hub.poll(attempt.spawn_id), Running)
    await hub.stop(attempt.spawn_id)
    assert (await world.hub().last_lines(attempt.spawn_id))[: len(lines)] == lines
    await hub.forget(attempt.spawn_id)
    assert await world.hub().last_lines(attempt.spawn_id) == []
    assert isinstance(await hub.poll(attempt.spawn_id), Gone)
    await hub.forget(attempt.spawn_id)


async def test_output_can_be_followed_from_anywhere_until_the_end(world: World) -> None:
    hub, attempt = world.hub(), world.attempt(exit=0, after=0.3)
    await hub.start(attempt, ignore)
    pieces = [piece async for piece in hub.follow_output(attempt.spawn_id)]
    places = [place for _, place in pieces]
    assert places == sorted(set(places))
    whole = b"".join(data for data, _ in pieces)
    assert whole.decode().splitlines() == await hub.last_lines(attempt.spawn_id)
    for number, place in enumerate([0, *places]):
        rest = [data async for data, _ in world.hub().follow_output(attempt.spawn_id, place)]
        assert b"".join(rest) == b"".join(data for data, _ in pieces[number:])
    if world.counts_bytes:
        assert [data async for data, _ in world.hub().follow_output(attempt.spawn_id, 3)] == [whole[3:]]


async def test_many_are_polled_at_once_and_each_is_told_of(world: World) -> None:
    hub, attempts, never = world.hub(), [world.attempt() for _ in range(3)], new_id("s")
    for attempt in attempts:
        await hub.start(attempt, ignore)
    await hub.stop(attempts[0].spawn_id)
    told: dict[str, bool] = {}
    spawn_ids = [never, *(attempt.spawn_id for attempt in attempts)]
    await world.hub().poll_many(
        spawn_ids, lambda spawn_id, status: told.update({spawn_id: isinstance(status, Running)})
    )
    assert told == dict(zip(spawn_ids, [False, False, True, True], strict=True))


async def test_what_is_lost_with_its_node_is_neither_gone_nor_ended(world: World) -> None:
    hub, attempt = world.hub(), world.attempt()
    await hub.start(attempt, ignore)
    if not await world.lose(attempt.spawn_id):
        assert isinstance(await hub.poll(attempt.spawn_id), Running)
        return
    for each in (hub, world.hub()):
        found = await each.poll(attempt.spawn_id)
        assert isinstance(found, Lost)
        assert found.reason.endswith(".")
        with pytest.raises(UnreachableError):
            await each.stop(attempt.spawn_id)
        assert await each.list_attempts() == [attempt.spawn_id], "it may still run"
    await world.find(attempt.spawn_id)
    assert isinstance(await hub.stop(attempt.spawn_id), Gone)
    assert await hub.list_attempts() == []


async def test_what_is_kept_outlives_attempts_and_goes_only_with_its_server(world: World) -> None:
    hub, first, second = world.hub(), world.attempt(), world.attempt()
    for attempt in (first, second):
        await hub.start(attempt, ignore)
        await hub.stop(attempt.spawn_id)
        await hub.forget(attempt.spawn_id)
    assert await hub.listed() == [], "what is kept is no attempt"
    both = {first.server_id, second.server_id}
    assert await world.kept() in (both, None)
    for each in (hub, hub, world.hub()):
        await each.delete_forever(Kept(first.user_id, "alice", first.server_id))
        assert await world.kept() in ({second.server_id}, None)
    await hub.delete_forever(Kept(first.user_id, "alice"))
    await hub.delete_forever(Kept(new_id("u"), "bob", new_id("v"), "never there"))
    assert await world.kept() in ({second.server_id}, None)
    await hub.delete_forever(Kept(second.user_id, "alice", second.server_id))


async def test_its_watch_can_be_ended_at_any_time(world: World) -> None:
    with trio.move_on_after(0.1):
        await world.hub().run(lambda: None)
    attempt = world.attempt()
    await world.hub().start(attempt, ignore)
    assert isinstance(await world.hub().poll(attempt.spawn_id), Running)


async def test_news_of_one_are_not_news_of_another(world: World) -> None:
    hub, one, other = world.hub(), world.attempt(), world.attempt()
    await hub.start(one, ignore)
    await hub.start(other, ignore)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hub.wait_news, one.spawn_id)
        with trio.move_on_after(0.3) as quiet:
            await hub.wait_news(other.spawn_id)
        assert quiet.cancelled_caught
        await world.hub().stop(one.spawn_id)
    assert isinstance(await hub.poll(other.spawn_id), Running)
    assert await hub.list_attempts() == [other.spawn_id]


async def test_many_start_and_stop_at_once(world: World) -> None:
    hub = world.hub()
    attempts = [world.attempt() for _ in range(40)]
    urls: dict[str, str] = {}

    async def start(attempt: Attempt) -> None:
        urls[attempt.spawn_id] = await hub.start(attempt, ignore)

    async with trio.open_nursery() as nursery:
        for attempt in attempts:
            nursery.start_soon(start, attempt)
    assert len(set(urls.values())) == 40
    assert await hub.list_attempts() == sorted(urls)
    async with trio.open_nursery() as nursery:
        for attempt in attempts:
            nursery.start_soon(hub.stop, attempt.spawn_id)
    assert await hub.list_attempts() == []


@pytest.mark.parametrize("seed", range(12))
async def test_a_hub_killed_while_it_starts_servers_leaves_one_or_none_of_each(
    tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    world = LocalWorld(tmp_path)
    attempts = [world.attempt() for _ in range(8)]
    spawn_ids = [attempt.spawn_id for attempt in attempts]
    driver = [sys.executable, "-m", "tests.integration.start_and_die"]
    arguments = [str(world.state), world.settings.home_dir_template, *spawn_ids]
    with subprocess.Popen([*driver, *arguments], stdout=subprocess.PIPE) as killed_hub:
        assert killed_hub.stdout is not None
        assert killed_hub.stdout.readline() == b"go\n"
        time.sleep(rng.uniform(0, 0.03))
        killed_hub.kill()
    hub = world.hub()
    seen = await hub.list_attempts()
    await trio.sleep(0.05)
    for spawn_id in spawn_ids:
        servers = _servers(world, spawn_id)
        assert len(servers) <= 1
        assert not servers or spawn_id in seen  # none is on its way that cannot be seen

    async def check(attempt: Attempt) -> None:
        before = _servers(world, attempt.spawn_id)
        if rng.random() < 0.7:
            url = await hub.start(attempt, ignore)
            await world.wait_up(url)
            servers = _servers(world, attempt.spawn_id)
            assert len(servers) == 1
            assert before <= servers
        await hub.stop(attempt.spawn_id)
        assert not _servers(world, attempt.spawn_id)

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            for attempt in attempts:
                nursery.start_soon(check, attempt)
        assert await hub.list_attempts() == []
        await world.close()


def _servers(world: LocalWorld, spawn_id: str) -> set[int]:
    """Without the launcher, and what is about to become the server."""
    return {pid for pid in world.processes(spawn_id) if b"tiny_server" in _argument(pid, 3)}


def _argument(pid: int, index: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[index]
    except (OSError, IndexError):
        return b""
