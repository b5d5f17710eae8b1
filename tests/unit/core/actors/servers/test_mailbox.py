from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from core.actors.servers.mailbox import Call, Mailbox
from core.errors import BusyError, PendingError
from core.events.record import HUB


def call(command: str) -> Call[str, str]:
    return Call(command, HUB, None)


async def take(mailbox: Mailbox[str, str]) -> str | None:
    taken = await mailbox.take()
    return taken.command if taken is not None else None


async def test_first_come_first_served() -> None:
    mailbox: Mailbox[str, str] = Mailbox(10)
    for command in "abc":
        mailbox.put(call(command))
    assert len(mailbox) == 3
    assert [await take(mailbox) for _ in "abc"] == ["a", "b", "c"]
    assert len(mailbox) == 0


async def test_a_full_one_refuses_all_but_its_own() -> None:
    mailbox: Mailbox[str, str] = Mailbox(2)
    mailbox.put(call("a"))
    mailbox.put(call("b"))
    with pytest.raises(BusyError):
        mailbox.put(call("c"))
    mailbox.put(call("own"), own=True)
    assert [await take(mailbox) for _ in range(3)] == ["a", "b", "own"]
    mailbox.put(call("d"))


async def test_who_takes_from_an_empty_one_waits(autojump_clock: MockClock) -> None:
    mailbox: Mailbox[str, str] = Mailbox(2)
    taken: list[str | None] = []

    async def taker() -> None:
        taken.append(await take(mailbox))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(taker)
        await wait_all_tasks_blocked()
        assert taken == []
        mailbox.put(call("a"))
        mailbox.put(call("b"))
    assert taken == ["a"]
    assert await take(mailbox) == "b"


async def test_a_nudge_wakes_once_takes_no_room_and_goes_first() -> None:
    mailbox: Mailbox[str, str] = Mailbox(1)
    for _ in range(1000):
        mailbox.nudge()
    assert len(mailbox) == 0
    mailbox.put(call("a"))
    assert [await take(mailbox), await take(mailbox)] == [None, "a"]
    with trio.move_on_after(0.01) as quiet:
        await mailbox.take()
    assert quiet.cancelled_caught


async def test_a_nudge_wakes_who_waits(autojump_clock: MockClock) -> None:
    mailbox: Mailbox[str, str] = Mailbox(1)
    woken: list[str | None] = []

    async def wait() -> None:
        woken.append(await take(mailbox))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await wait_all_tasks_blocked()
        assert woken == []
        mailbox.nudge()
    assert woken == [None]


async def test_a_cancelled_take_takes_nothing(autojump_clock: MockClock) -> None:
    mailbox: Mailbox[str, str] = Mailbox(5)
    for number in range(100):
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:

                async def give(scope: trio.CancelScope = scope, number: int = number) -> None:
                    await trio.sleep(number % 2)
                    mailbox.put(call("a"))
                    scope.cancel()

                nursery.start_soon(give)
                taken = await mailbox.take()
                assert taken is not None
                mailbox.put(taken)
        assert len(mailbox) == 1
        assert await take(mailbox) == "a"


async def test_all_can_be_taken_at_once() -> None:
    mailbox: Mailbox[str, str] = Mailbox(5)
    mailbox.put(call("a"))
    mailbox.put(call("b"))
    assert [call.command for call in mailbox.take_all()] == ["a", "b"]
    assert mailbox.take_all() == []
    assert len(mailbox) == 0


async def test_an_answer_waits_for_who_asked() -> None:
    asked = call("a")
    assert not asked.is_answered
    asked.answer("yes")
    assert asked.is_answered
    assert await asked.wait() == "yes"
    refused = call("b")
    refused.refuse(PendingError("not now"))
    with pytest.raises(PendingError):
        await refused.wait()


async def test_an_answer_to_nobody_is_no_trouble() -> None:
    asked = call("a")
    with trio.move_on_after(0) as gone:
        await asked.wait()
    assert gone.cancelled_caught
    asked.answer("yes")
    asked.answer("again")
    assert asked.is_answered
