"""What a spawner does all the time: it is kept going, and missed when it falls silent; polls go together."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from core.actors.servers.shared_polls import SharedPolls
from core.actors.servers.spawner_watch import SpawnerWatch
from core.actors.servers.start_clock import StartClock
from core.errors import UnreachableError
from core.plugins.spawner import HEARTBEAT, Beat, Gone, Progress, Running, Status, TellStatus
from spawners.simulated import SimulatedSettings, SimulatedSpawner


class Watching(SimulatedSpawner):
    """`fails`: what its watch ends with, time after time. `is_silent`: it is not heard of."""

    def __init__(self, *fails: Exception) -> None:
        super().__init__(SimulatedSettings())
        self.fails = list(fails)
        self.is_silent = False
        self.begun = 0

    async def run(self, beat: Beat) -> None:
        self.begun += 1
        if self.fails:
            raise self.fails.pop(0)
        while True:
            if not self.is_silent:
                beat()
            await trio.sleep(HEARTBEAT / 4)


async def test_one_without_a_watch_is_never_missed(autojump_clock: MockClock) -> None:
    watch = SpawnerWatch(SimulatedSpawner(SimulatedSettings()))
    with trio.fail_after(1):
        await watch.run()
    await trio.sleep(10 * HEARTBEAT)
    assert watch.trouble(says_why=True) == ""


async def test_a_watch_that_fails_begins_anew(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    spawner = Watching(UnreachableError("The engine is away."), KeyError("a bug"))
    watch = SpawnerWatch(spawner)
    with trio.move_on_after(HEARTBEAT / 2):
        await watch.run()
    assert spawner.begun == 3
    assert "The engine is away." in caplog.text
    assert watch.trouble(says_why=True) == ""


async def test_one_that_falls_silent_is_told_of_until_it_is_heard_again(autojump_clock: MockClock) -> None:
    spawner = Watching()
    watch = SpawnerWatch(spawner)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch.run)
        await trio.sleep(HEARTBEAT * 3)
        assert watch.trouble(says_why=True) == ""
        spawner.is_silent = True
        await trio.sleep(HEARTBEAT * 2)
        assert watch.trouble(says_why=True).startswith("the spawner has not been heard of since ")
        spawner.is_silent = False
        await trio.sleep(HEARTBEAT)
        assert watch.trouble(says_why=True) == ""
        nursery.cancel_scope.cancel()


async def test_health_says_why_an_engine_is_not_heard_of(autojump_clock: MockClock) -> None:
    watch = SpawnerWatch(Watching(*[UnreachableError("No route to the engine.")] * 1000))
    with trio.move_on_after(HEARTBEAT * 2):
        await watch.run()
    assert watch.trouble(says_why=True).endswith(": No route to the engine.")


# --- many polls at once ---


class Listing(SimulatedSpawner):
    """It answers with one list. `status`: of each that it knows. `asked`: what each question was about."""

    def __init__(self, status: dict[str, Status]) -> None:
        super().__init__(SimulatedSettings())
        self.status = status
        self.asked: list[list[str]] = []
        self.error: Exception | None = None

    async def poll_many(self, spawn_ids: Collection[str], tell: TellStatus) -> None:
        self.asked.append(sorted(spawn_ids))
        await trio.sleep(1)
        for spawn_id in spawn_ids:
            if spawn_id in self.status:
                tell(spawn_id, self.status[spawn_id])
        if self.error is not None:
            raise self.error


async def answers(spawner: Any, *spawn_ids: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    polls = SharedPolls(spawner, lambda seconds, running: None)

    async def ask(spawn_id: str) -> None:
        try:
            found[spawn_id] = await polls.poll(spawn_id)
        except Exception as error:
            found[spawn_id] = str(error)

    async with trio.open_nursery() as house:
        await house.start(polls.run)
        async with trio.open_nursery() as nursery:
            for spawn_id in spawn_ids:
                nursery.start_soon(ask, spawn_id)
        house.cancel_scope.cancel()
    return found


async def test_those_that_are_due_together_are_one_question(autojump_clock: MockClock) -> None:
    names = [f"s{number}" for number in range(200)]
    spawner = Listing({name: Running() for name in names})
    assert await answers(spawner, *names) == dict.fromkeys(names, Running())
    assert spawner.asked == [sorted(names)]


async def test_what_is_not_told_of_could_not_be_asked_after(autojump_clock: MockClock) -> None:
    spawner = Listing({"s1": Running(), "s2": Gone(1)})
    found = await answers(spawner, "s1", "s2", "s3")
    assert found == {"s1": Running(), "s2": Gone(1), "s3": "The spawner does not tell."}
    spawner.error = UnreachableError("away")
    assert await answers(spawner, "s1", "s3") == {"s1": Running(), "s3": "away"}


async def test_one_that_hangs_holds_up_no_other(autojump_clock: MockClock) -> None:
    class Hanging(SimulatedSpawner):
        async def poll(self, spawn_id: str) -> Status:
            if spawn_id == "hangs":
                await trio.sleep_forever()
            if spawn_id == "fails":
                raise UnreachableError("away")
            return Running()

    polls = SharedPolls(Hanging(SimulatedSettings()), lambda seconds, running: None)
    async with trio.open_nursery() as house:
        await house.start(polls.run)
        house.start_soon(polls.poll, "hangs")
        with trio.fail_after(1):
            assert await polls.poll("s1") == Running()
        house.cancel_scope.cancel()


async def test_who_asks_and_goes_takes_nobody_along(autojump_clock: MockClock) -> None:
    polls = SharedPolls(Listing({"s1": Running(), "s2": Running()}), lambda seconds, running: None)
    async with trio.open_nursery() as house:
        await house.start(polls.run)

        async def leave() -> None:
            with trio.move_on_after(0.5):
                await polls.poll("s1")

        house.start_soon(leave)
        assert await polls.poll("s2") == Running()
        house.cancel_scope.cancel()


# --- the time a start may take ---


def waiting(text: str = "in the queue") -> Progress:
    return Progress(text, is_waiting=True)


async def test_waiting_does_not_count_as_starting(autojump_clock: MockClock) -> None:
    began = trio.current_time()
    with trio.move_on_after(10) as scope:
        clock = StartClock(scope, 1000)
        await trio.sleep(4)
        for _ in range(3):
            clock.heard(waiting())
            await trio.sleep(300)
        clock.heard(Progress("running"))
        await trio.sleep_forever()
    assert trio.current_time() - began == pytest.approx(910)
    assert not clock.waits


async def test_waiting_has_a_deadline_that_is_not_prolonged_by_waiting_anew(
    autojump_clock: MockClock,
) -> None:
    began = trio.current_time()
    with trio.move_on_after(10) as scope:
        clock = StartClock(scope, 100)
        while True:
            clock.heard(waiting())
            await trio.sleep(30)
            clock.heard(Progress("nearly"))
    assert trio.current_time() - began == pytest.approx(100)
    assert clock.waits
