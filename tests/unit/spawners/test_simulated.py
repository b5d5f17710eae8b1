from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from core.errors import SpawnError, UnreachableError
from core.naming.ids import new_id
from core.plugins.spawner import Attempt, Gone, Progress, Running
from core.settings import HubSettings, Settings
from spawners import make_spawner
from spawners.configuration import load_settings
from spawners.local.spawner import LocalProcessSpawner
from spawners.simulated import SimulatedBackend, SimulatedSettings, SimulatedSpawner


def ignore(progress: Progress) -> None:
    pass


def attempt(simulate: Any = None, user: str = "alice") -> Attempt:
    options = {} if simulate is None else {"simulate": simulate}
    return Attempt(new_id("s"), user, "", f"/user/{user}/", options, {})


def spawner(**settings: str) -> SimulatedSpawner:
    return SimulatedSpawner(SimulatedSettings(**settings))


async def test_a_start_takes_its_time_and_tells_how_far_it_is(autojump_clock: MockClock) -> None:
    hub, slow = spawner(), attempt({"delay": 30, "progress": [[10, 20, "pulling"], [20, None, "starting"]]})
    on_records: list[tuple[float, Progress]] = []
    begin = trio.current_time()
    await hub.start(slow, lambda progress: on_records.append((trio.current_time() - begin, progress)))
    assert trio.current_time() - begin == pytest.approx(30)
    assert [(round(at), progress.progress, progress.message) for at, progress in on_records] == [
        (0, 50, "Spawning server..."),
        (10, 20, "pulling"),
        (20, None, "starting"),
    ]
    assert await hub.last_lines(slow.spawn_id) == ["simulated server: started", "pulling", "starting"]


async def test_who_joins_waits_for_the_rest_only(autojump_clock: MockClock) -> None:
    hub, slow = spawner(), attempt({"delay": 30})
    with trio.move_on_after(10):
        await hub.start(slow, ignore)
    assert isinstance(await hub.poll(slow.spawn_id), Running)
    await trio.sleep(15)
    begin = trio.current_time()
    next_hub = SimulatedSpawner(SimulatedSettings(), hub.backend)
    url = await next_hub.start(slow, ignore)
    assert trio.current_time() - begin == pytest.approx(5)
    assert await hub.start(slow, ignore) == url


async def test_a_start_may_fail(autojump_clock: MockClock) -> None:
    hub, failing = spawner(), attempt({"delay": 3, "fail": "no room", "fail_status": 503})
    for _ in range(2):
        with pytest.raises(SpawnError) as refused:
            await hub.start(failing, ignore)
        assert (refused.value.message, refused.value.status) == ("no room", 503)
        assert trio.current_time() == pytest.approx(3)
    assert await hub.poll(failing.spawn_id) == Gone(None)


@pytest.mark.parametrize("simulate", ["x", {"dely": 3}, {"delay": -1}, {"progress": [[1]]}])
async def test_options_that_make_no_sense_are_refused(simulate: Any) -> None:
    with pytest.raises(SpawnError) as refused:
        await spawner().start(attempt(simulate), ignore)
    assert refused.value.status == 400


async def test_it_dies_when_told_to(autojump_clock: MockClock) -> None:
    hub, mortal = spawner(), attempt({"delay": 1, "die_after": 10, "exit_status": 3})
    await hub.start(mortal, ignore)
    await hub.wait_news(mortal.spawn_id)
    assert trio.current_time() == pytest.approx(11)
    assert await hub.poll(mortal.spawn_id) == Gone(3)
    assert await hub.list_attempts() == []
    assert (await hub.last_lines(mortal.spawn_id))[-1] == "simulated server: ended"


async def test_a_test_can_kill_it(autojump_clock: MockClock) -> None:
    hub, mortal = spawner(), attempt()
    await hub.start(mortal, ignore)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hub.wait_news, mortal.spawn_id)
        nursery.start_soon(hub.wait_news, mortal.spawn_id)
        await trio.sleep(5)
        hub.backend.kill(mortal.spawn_id)
    assert await hub.poll(mortal.spawn_id) == Gone(-9)


async def test_the_backend_can_be_away(autojump_clock: MockClock) -> None:
    hub, far = spawner(), attempt({"unreachable_from": 5, "unreachable_for": 10, "die_after": 8})
    await hub.start(far, ignore)
    await hub.wait_news(far.spawn_id)
    assert trio.current_time() == pytest.approx(5)
    for ask in (hub.poll, hub.stop, hub.wait_news, hub.forget):
        with pytest.raises(UnreachableError):
            await ask(far.spawn_id)
    await trio.sleep(10)
    assert await hub.poll(far.spawn_id) == Gone(0)
    hub.backend.is_down = True
    with pytest.raises(UnreachableError):
        await hub.list_attempts()
    with pytest.raises(UnreachableError):
        await hub.start(attempt(), ignore)


async def test_a_stop_takes_its_time_and_is_not_put_off_by_another(autojump_clock: MockClock) -> None:
    hub, slow = spawner(), attempt({"stop_delay": 10})
    await hub.start(slow, ignore)
    with trio.move_on_after(4):
        await hub.stop(slow.spawn_id)
    assert isinstance(await hub.poll(slow.spawn_id), Running)
    assert await hub.stop(slow.spawn_id) == Gone(0)
    assert trio.current_time() == pytest.approx(10)


async def test_a_stop_may_hang_until_somebody_kills_it(autojump_clock: MockClock) -> None:
    hub, stuck = spawner(), attempt({"stop_hangs": True})
    await hub.start(stuck, ignore)
    with trio.move_on_after(1000) as waiting:
        await hub.stop(stuck.spawn_id)
    assert waiting.cancelled_caught
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hub.stop, stuck.spawn_id)
        await trio.sleep(1)
        hub.backend.kill(stuck.spawn_id)
    assert await hub.poll(stuck.spawn_id) == Gone(-9)


async def test_who_waits_through_the_backend_sees_it_come_up(autojump_clock: MockClock) -> None:
    hub, up, never = spawner(), attempt({"delay": 2}), attempt({"ready": False})
    await hub.backend.wait_server_up(await hub.start(up, ignore) + "/user/alice/api")
    with trio.move_on_after(100) as waiting:
        await hub.backend.wait_server_up(await hub.start(never, ignore))
    assert waiting.cancelled_caught


async def test_one_server_may_stand_for_all() -> None:
    hub, one = spawner(url="http://127.0.0.1:7"), attempt()
    assert await hub.start(one, ignore) == "http://127.0.0.1:7"
    next_hub = spawner(url="http://127.0.0.1:7")
    assert isinstance(await next_hub.poll(one.spawn_id), Running)
    with trio.move_on_after(0.05) as quiet:
        await next_hub.wait_news(one.spawn_id)
    assert quiet.cancelled_caught
    assert await next_hub.stop(one.spawn_id) == Gone(0)
    assert await next_hub.poll(one.spawn_id) == Gone(0)
    assert await hub.list_attempts() == [one.spawn_id]


async def test_a_start_waits_at_the_gate() -> None:
    asked: list[bytes] = []
    opened = trio.Event()

    async def gate(stream: trio.SocketStream) -> None:
        async with stream:
            asked.append(bytes(await stream.receive_some(4096)).split(b"\r\n")[0])
            if len(asked) == 1:
                return  # an answer that is lost
            await opened.wait()
            await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    passed: list[str] = []

    async def start(hub: SimulatedSpawner) -> None:
        passed.append(await hub.start(attempt(user="a b"), ignore))

    async with trio.open_nursery() as server:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        server.start_soon(trio.serve_listeners, gate, listeners)
        port = listeners[0].socket.getsockname()[1]
        hub = spawner(url="http://127.0.0.1:7", gate_url=f"http://127.0.0.1:{port}/gate/wait")
        async with trio.open_nursery() as starts:
            for _ in range(50):
                starts.start_soon(start, hub)
            with trio.fail_after(5):
                while len(asked) < 51:
                    await trio.sleep(0.01)
            assert not passed
            opened.set()
        server.cancel_scope.cancel()
    assert len(passed) == 50
    assert set(asked) == {b"GET /gate/wait?a%20b HTTP/1.1"}


async def test_ten_thousand_of_them_weigh_little() -> None:
    hub = spawner(url="http://127.0.0.1:7")
    attempts = [attempt() for _ in range(10_000)]
    gc.collect()
    tracemalloc.start()
    try:
        for one in attempts:
            await hub.start(one, ignore)
        weight = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert weight / len(attempts) < 1024


async def test_each_says_nothing_of_what_it_does_not_know() -> None:
    hub = spawner()
    assert hub.unsupported_options({"image": "x"}) == frozenset()
    assert await hub.last_lines(new_id("s")) == []


def test_servers_live_on_between_runs_with_a_clock_of_their_own() -> None:
    now = 100.0
    backend = SimulatedBackend(lambda: now)
    one = attempt({"die_after": 50})

    async def first_hub() -> None:
        await SimulatedSpawner(SimulatedSettings(), backend).start(one, ignore)

    async def poll() -> Running | Gone:
        return await SimulatedSpawner(SimulatedSettings(), backend).poll(one.spawn_id)

    trio.run(first_hub, clock=MockClock(autojump_threshold=0))
    assert isinstance(trio.run(poll, clock=MockClock()), Running)
    now = 151.0
    assert trio.run(poll, clock=MockClock()) == Gone(0)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("simple", LocalProcessSpawner),
        ("jupyterhub.spawner.SimpleLocalProcessSpawner", LocalProcessSpawner),
        ("default", LocalProcessSpawner),
        ("localprocess", LocalProcessSpawner),
        ("jupyterhub.spawner.LocalProcessSpawner", LocalProcessSpawner),
        ("simulated", SimulatedSpawner),
    ],
)
def test_a_config_names_its_spawner(tmp_path: Path, name: str, kind: type) -> None:
    settings, notes = load_settings([], [f"--JupyterHub.spawner_class={name}"])
    assert notes == []
    assert isinstance(make_spawner(settings, tmp_path), kind)


def test_a_name_that_is_unknown_is_answered_with_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'docker'.*localprocess.*simple.*simulated"):
        make_spawner(Settings(HubSettings(spawner_class="docker")), tmp_path)
