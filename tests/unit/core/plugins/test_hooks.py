"""Running functions of a configuration: those that hang, and those that are called off."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
import trio

from core.errors import SpawnError
from core.plugins.hooks import Hooks


class Gate:
    """A function that blocks until it is let go; `begun` counts the calls that have."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.opened = threading.Event()

    def __call__(self) -> str:
        self.begun.release()
        self.opened.wait(60)
        return "through"


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.opened.set()


async def abandon(hooks: Hooks, gate: Gate, of: str) -> None:
    """Call it, and give up once it has begun."""
    async with trio.open_nursery() as nursery:

        async def call() -> None:
            await hooks.call(gate, of=of)

        nursery.start_soon(call)
        await trio.to_thread.run_sync(gate.begun.acquire)
        nursery.cancel_scope.cancel()


async def test_what_blocks_is_left_to_itself_and_hurts_its_own_server_alone(gate: Gate) -> None:
    hooks = Hooks(at_once=10, left_over=3)
    for _ in range(3):
        await abandon(hooks, gate, "bob/")
    with pytest.raises(SpawnError, match="have not ended yet") as refusal:
        await hooks.call(gate, of="bob/")
    assert refusal.value.status == 503
    assert await hooks.call(lambda: "fine", of="alice/") == "fine"
    gate.opened.set()
    with trio.fail_after(60):
        while True:
            try:
                assert await hooks.call(lambda: "again", of="bob/") == "again"
            except SpawnError:
                await trio.sleep(0.01)
            else:
                break


async def test_what_waits_for_a_thread_and_is_called_off_never_runs(gate: Gate) -> None:
    hooks = Hooks(at_once=1)
    ran = False

    def late() -> None:
        nonlocal ran
        ran = True

    async with trio.open_nursery() as nursery:

        async def call() -> None:
            await hooks.call(gate, of="alice/")

        nursery.start_soon(call)
        await trio.to_thread.run_sync(gate.begun.acquire)
        with trio.move_on_after(0.01):
            await hooks.call(late, of="bob/")
        gate.opened.set()
    assert not ran
    await hooks.call(late, of="bob/")
    assert ran


async def test_what_is_of_asyncio_is_cancelled() -> None:
    began, told = threading.Event(), threading.Event()

    async def hook() -> None:
        began.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            told.set()
            raise

    async with trio.open_nursery() as nursery:
        nursery.start_soon(Hooks().call, hook)
        await trio.to_thread.run_sync(began.wait)
        nursery.cancel_scope.cancel()
    assert await trio.to_thread.run_sync(told.wait, 60)


async def test_a_hook_that_cancels_itself_has_failed() -> None:
    async def hook() -> None:
        raise asyncio.CancelledError

    with pytest.raises(RuntimeError, match="was cancelled"):
        await Hooks().call(hook)
