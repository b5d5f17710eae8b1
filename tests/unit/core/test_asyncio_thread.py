"""Whatever is done to a thread of plug-ins, the hub goes on, and so do all calls but one's own."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar

import pytest
import trio

from core.asyncio_thread.call import PluginError, ask_hub, pour
from core.asyncio_thread.host import MOST_LEFT, AsyncioHost

SOON = 5.0  # seconds: what would never come is given up


class World:
    """What a plug-in keeps between calls, and ways to misbehave."""

    made = 0

    def __init__(self) -> None:
        World.made += 1
        self.number = World.made
        self.thread = threading.get_ident()
        self.release = threading.Event()


async def number(world: World) -> int:
    return world.number


async def echo(world: World, value: object) -> object:
    await asyncio.sleep(0)
    return value


async def fails(world: World) -> None:
    raise ZeroDivisionError("as it is")


async def exits(world: World) -> None:
    sys.exit(1)


async def cancels_itself(world: World) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(0)


async def exits_in_a_task(world: World) -> None:
    async def stray() -> None:
        sys.exit(1)

    asyncio.create_task(stray())  # noqa: RUF006 -- as plug-ins do
    await asyncio.sleep(0.01)


async def stops_the_loop(world: World) -> None:
    asyncio.get_running_loop().stop()


async def leaks_a_task(world: World) -> None:
    async def stray() -> None:
        raise RuntimeError("in a task that nobody awaits")

    asyncio.create_task(stray())  # noqa: RUF006 -- as plug-ins do


async def sleeps(world: World, seconds: float = 60) -> str:
    await asyncio.sleep(seconds)
    return "slept"


async def ignores_its_end(world: World) -> None:
    while not world.release.is_set():
        try:
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            continue


async def blocks(world: World) -> str:
    world.release.wait(SOON)
    return "blocked"


@asynccontextmanager
async def host(**options: float) -> AsyncIterator[AsyncioHost[World]]:
    hosted = AsyncioHost("plugins", World, **({"patience": 0.05, "silent_for": 60} | options))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hosted.run)
        yield hosted
        nursery.cancel_scope.cancel()
    await hosted.close()
    await threads_have_ended()


async def threads_have_ended() -> None:
    with trio.fail_after(SOON):
        while any(thread.name.startswith("plugins-") for thread in threading.enumerate()):
            await trio.sleep(0.001)


async def test_a_call_runs_in_a_thread_of_its_own_and_the_world_stays_there() -> None:
    async def where(world: World) -> tuple[int, int]:
        return world.thread, threading.get_ident()

    async with host() as plugins:
        made, called = await plugins.call(where, within=SOON, what="where")
        assert made == called != threading.get_ident()
        assert await plugins.call(echo, {"plain": ["data"]}, within=SOON, what="echo") == {"plain": ["data"]}
        assert await plugins.call(where, within=SOON, what="where") == (made, called)


async def test_an_error_is_the_callers_as_it_is() -> None:
    async with host() as plugins:
        with pytest.raises(ZeroDivisionError, match="as it is"):
            await plugins.call(fails, within=SOON, what="division")


@pytest.mark.parametrize("misbehave", [exits, cancels_itself])
async def test_what_wants_to_end_more_than_itself_ends_itself(misbehave: object) -> None:
    async with host() as plugins, trio.open_nursery() as nursery:
        others: list[str] = []

        async def other() -> None:
            others.append(await plugins.call(sleeps, 0.1, within=SOON, what="other"))

        nursery.start_soon(other)
        await trio.sleep(0.02)
        with pytest.raises(PluginError, match="a start"):
            await plugins.call(misbehave, within=SOON, what="a start")  # type: ignore[arg-type]
        first = await plugins.call(number, within=SOON, what="number")
        await trio.sleep(0.12)
        assert others == ["slept"]
        assert await plugins.call(number, within=SOON, what="number") == first


@pytest.mark.parametrize("misbehave", [exits_in_a_task, stops_the_loop, leaks_a_task])
async def test_the_loop_goes_on_whatever_a_stray_task_does(
    misbehave: object, caplog: pytest.LogCaptureFixture
) -> None:
    async with host() as plugins:
        first = await plugins.call(number, within=SOON, what="number")
        await plugins.call(misbehave, within=SOON, what="misbehave")  # type: ignore[arg-type]
        assert await plugins.call(number, within=SOON, what="number") == first
        assert plugins.condition.threads == 1


async def test_a_call_that_is_too_slow_is_cancelled_over_there() -> None:
    ended: list[str] = []

    async def slow(world: World) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cleaned up")

    async with host() as plugins:
        with pytest.raises(trio.TooSlowError):
            await plugins.call(slow, within=0.05, what="slow")
        assert ended == ["cleaned up"]
        assert plugins.condition.abandoned == 0


async def test_a_call_whose_caller_is_cancelled_is_cancelled_too() -> None:
    async with host() as plugins:
        with trio.move_on_after(0.05) as scope:
            await plugins.call(sleeps, within=SOON, what="sleep")
        assert scope.cancelled_caught
        assert plugins.condition.under_way == 0


async def test_what_does_not_heed_its_end_is_left_to_itself_counted_and_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with host() as plugins:
        with pytest.raises(trio.TooSlowError):
            await plugins.call(ignores_its_end, within=0.05, what="start of bob's server")
        assert plugins.condition.abandoned == 1
        assert "start of bob's server does not end" in caplog.text
        assert await plugins.call(echo, 1, within=SOON, what="echo") == 1

        async def release(world: World) -> None:
            world.release.set()

        await plugins.call(release, within=SOON, what="release")


async def test_a_blocked_loop_is_named_and_new_work_gets_a_fresh_thread(
    caplog: pytest.LogCaptureFixture,
) -> None:
    worlds: list[World] = []

    async def hold(world: World) -> str:
        worlds.append(world)
        return await blocks(world)

    async with host(silent_for=0.2) as plugins, trio.open_nursery() as nursery:
        held: list[str] = []

        async def start() -> None:
            held.append(await plugins.call(hold, within=SOON, what="start of bob's server"))

        nursery.start_soon(start)
        while not worlds:
            await trio.sleep(0.01)
        second = await plugins.call(number, within=SOON, what="number")  # posted while it was blocked already
        assert second == worlds[0].number + 1
        assert "start of bob's server" in caplog.text
        assert "release.wait(SOON)" in caplog.text
        assert plugins.condition.left == 1
        worlds[0].release.set()
        while plugins.condition.left:
            await trio.sleep(0.01)
        assert held == ["blocked"]


async def test_a_call_under_way_elsewhere_in_a_blocked_loop_is_answered_when_it_comes_round() -> None:
    async with host(silent_for=0.2) as plugins, trio.open_nursery() as nursery:
        worlds: list[World] = []
        answers: list[str] = []

        async def hold(world: World) -> None:
            worlds.append(world)
            world.release.wait(SOON)

        async def other() -> None:
            answers.append(await plugins.call(sleeps, 0.05, within=SOON, what="other"))

        async def holding() -> None:
            await plugins.call(hold, within=SOON, what="hold")

        nursery.start_soon(other)
        await trio.sleep(0.02)
        nursery.start_soon(holding)
        while not plugins.condition.left:
            await trio.sleep(0.01)
        worlds[0].release.set()
        while not answers:
            await trio.sleep(0.01)
        assert answers == ["slept"]


async def test_no_more_threads_are_begun_than_so_many() -> None:
    async with host(silent_for=0.05) as plugins, trio.open_nursery() as nursery:
        worlds: list[World] = []

        async def hold(world: World) -> None:
            worlds.append(world)
            world.release.wait(SOON)

        async def holding() -> None:
            await plugins.call(hold, within=SOON, what="hold")

        for left in range(1, MOST_LEFT + 1):
            nursery.start_soon(holding)
            while plugins.condition.left < left:
                await trio.sleep(0.01)
        with pytest.raises(PluginError, match="all its threads are blocked"):
            await plugins.call(number, within=SOON, what="number")
        for world in worlds:
            world.release.set()
        while plugins.condition.left:
            await trio.sleep(0.01)
        assert await plugins.call(number, within=SOON, what="number")


async def test_a_world_that_cannot_be_built_is_built_for_the_next_call() -> None:
    attempts: list[int] = []

    async def build() -> World:
        attempts.append(1)
        if len(attempts) == 1:
            sys.exit("no engine")
        return World()

    plugins = AsyncioHost("plugins", build)
    with pytest.raises(PluginError, match="no engine"):
        await plugins.call(number, within=SOON, what="number")
    assert await plugins.call(number, within=SOON, what="number")
    await plugins.close()


async def test_a_plug_in_asks_the_hub_for_as_long_as_its_call_lasts() -> None:
    later: list[asyncio.Task[object]] = []

    async def of_the_hub(name: str) -> str:
        await trio.sleep(0)
        if name == "nobody":
            raise KeyError(name)
        return f"{name} in thread {threading.get_ident()}"

    async def asks(world: World, name: str) -> str:
        return await ask_hub(of_the_hub, name)

    async def asks_too_late(world: World) -> None:
        async def stray() -> object:
            await asyncio.sleep(0.05)
            return await ask_hub(of_the_hub, "bob")

        later.append(asyncio.create_task(stray()))

    async def said(world: World) -> object:
        with pytest.raises(PluginError, match="nobody waits for it any more"):
            await later[0]

    async with host() as plugins:
        assert str(threading.get_ident()) in await plugins.call(asks, "alice", within=SOON, what="asks")
        with pytest.raises(KeyError):
            await plugins.call(asks, "nobody", within=SOON, what="asks")
        await plugins.call(asks_too_late, within=SOON, what="asks")
        await plugins.call(said, within=SOON, what="said")


async def test_what_an_abandoned_call_asks_for_is_not_done_and_harms_nobody() -> None:
    asked: list[str] = []
    told: list[str] = []

    async def of_the_hub() -> None:
        asked.append("anyway")

    async def asks_late(world: World) -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(0.15)
        try:
            await ask_hub(of_the_hub)
        except PluginError as error:
            told.append(str(error))

    async with host() as plugins:
        with pytest.raises(trio.TooSlowError):
            await plugins.call(asks_late, within=0.05, what="a start")
        assert plugins.condition.abandoned == 1
        with trio.fail_after(SOON):
            while not told:
                await trio.sleep(0.01)
    assert told == ["a start: nobody waits for it any more"]
    assert asked == []


async def test_an_asynchronous_generator_comes_across_piece_by_piece() -> None:
    taken: list[int] = []
    closed: list[bool] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            for value in range(1000):
                yield value
        finally:
            closed.append(True)

    async def take(value: int) -> None:
        taken.append(value)
        if value == 3:
            await trio.sleep_forever()  # a reader that is slow holds the generator up

    async def stream(world: World) -> None:
        await pour(numbers(), take)

    async with host() as plugins:
        with pytest.raises(trio.TooSlowError):
            await plugins.call(stream, within=0.1, what="progress")
    assert taken == [0, 1, 2, 3]
    assert closed == [True]


async def test_log_lines_of_a_plug_in_belong_to_the_request_of_the_caller() -> None:
    request: ContextVar[str] = ContextVar("request", default="none")

    async def seen(world: World) -> str:
        return request.get()

    async with host() as plugins:
        request.set("r1")
        assert await plugins.call(seen, within=SOON, what="seen") == "r1"


async def test_a_thread_that_never_comes_back_does_not_keep_the_hub_from_ending(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.asyncio_thread.host.AT_THE_END", 0.1)
    caplog.set_level(logging.WARNING)
    worlds: list[World] = []

    async def hold(world: World) -> None:
        worlds.append(world)
        world.release.wait(SOON)

    plugins = AsyncioHost("plugins", World, patience=0.05)
    with pytest.raises(trio.TooSlowError):
        await plugins.call(hold, within=0.1, what="hold")
    began = time.monotonic()
    await plugins.close()
    assert time.monotonic() - began < 2
    assert "does not end" in caplog.text
    with pytest.raises(PluginError, match="the hub is ending"):
        await plugins.call(number, within=SOON, what="number")
    worlds[0].release.set()
    await threads_have_ended()


async def test_calls_under_way_at_the_end_are_told_of_it() -> None:
    plugins = AsyncioHost("plugins", World)
    failures: list[BaseException] = []

    async def slow() -> None:
        try:
            await plugins.call(sleeps, within=SOON, what="sleep")
        except PluginError as error:
            failures.append(error)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(slow)
        await trio.sleep(0.05)
        await plugins.close()
    assert len(failures) == 1
