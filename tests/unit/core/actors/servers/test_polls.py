from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from core.actors.servers.polls import SLACK, Polls
from core.errors import UnreachableError

Looks = list[tuple[str, float]]


class Looker:
    """Looks so many times at each, `slow` ones slowly, and breaks on `broken` ones."""

    def __init__(self, times: int = 1000) -> None:
        self.times = times
        self.looks: Looks = []

    def at(self, server_id: str) -> list[float]:
        return [at for server, at in self.looks if server == server_id]

    async def __call__(self, server_id: str, spawn_id: str) -> bool:
        self.looks.append((server_id, trio.current_time()))
        if server_id == "broken":
            raise KeyError("bug")
        if server_id == "slow":
            await trio.sleep(100)
        await trio.lowlevel.checkpoint()
        return len(self.at(server_id)) < self.times


async def run(polls: Polls, seconds: float) -> None:
    with trio.move_on_after(seconds):
        await polls.run()


async def test_each_is_looked_at_every_so_often(autojump_clock: MockClock) -> None:
    look = Looker()
    polls = Polls(lambda: 30, look)
    polls.add("v1", "s1")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run, polls, 100)
        await trio.sleep(10)
        polls.add("v2", "s2")
    assert look.at("v1") == pytest.approx([30, 60, 90])
    assert look.at("v2") == pytest.approx([40, 70])


async def test_one_that_is_over_is_forgotten(autojump_clock: MockClock) -> None:
    look = Looker(times=2)
    polls = Polls(lambda: 30, look)
    polls.add("v1", "s1")
    await run(polls, 1000)
    assert len(look.looks) == 2
    assert len(polls) == 0


async def test_a_sooner_one_comes_first(autojump_clock: MockClock) -> None:
    look = Looker(times=1)
    delays = [30.0, 5.0]
    polls = Polls(lambda: delays.pop(0), look)
    polls.add("late", "s1")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run, polls, 100)
        await trio.sleep(1)
        polls.add("soon", "s2")
    assert look.looks == [("soon", pytest.approx(6)), ("late", pytest.approx(30))]


async def test_who_never_polls_keeps_no_list(autojump_clock: MockClock) -> None:
    polls = Polls(lambda: float("inf"), Looker())
    polls.add("v1", "s1")
    assert len(polls) == 0


async def test_a_slow_look_holds_up_nobody_and_is_not_repeated_meanwhile(autojump_clock: MockClock) -> None:
    look = Looker()
    polls = Polls(lambda: 30, look)
    for server_id in ("slow", "v1", "broken"):
        polls.add(server_id, "s")
    await run(polls, 200)
    assert look.at("v1") == pytest.approx([30, 60, 90, 120, 150, 180])
    assert look.at("broken") == pytest.approx([30, 60, 90, 120, 150, 180])
    assert look.at("slow") == pytest.approx([30, 160])


async def test_many_share_an_awakening(autojump_clock: MockClock) -> None:
    look = Looker(times=1)
    delays = [10 + number / 1000 for number in range(1000)]
    polls = Polls(lambda: delays.pop(0), look)
    for number in range(1000):
        polls.add(f"v{number}", "s")
    await run(polls, 100)
    assert len(look.looks) == 1000
    assert len({at for _, at in look.looks}) <= 1 / SLACK + 1


async def test_of_a_backend_that_is_away_it_complains_now_and_then(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def look(server_id: str, spawn_id: str) -> bool:
        await trio.lowlevel.checkpoint()
        raise UnreachableError("The backend is away.")

    polls = Polls(lambda: 30, look)
    for number in range(100):
        polls.add(f"v{number}", "s")
    await run(polls, 601)
    assert len(polls) == 100
    complaints = [record.message for record in caplog.records]
    assert 10 <= len(complaints) <= 11
    assert "(200 polls without an answer): The backend is away." in complaints[-1]


@pytest.mark.parametrize("first", [float("inf"), 30.0, 1000.0])
async def test_another_delay_holds_for_all_at_once_and_nobody_is_looked_at_twice(
    first: float, autojump_clock: MockClock
) -> None:
    look, delay = Looker(), first
    polls = Polls(lambda: delay, look)
    names = ("v1", "slow")
    for name in names:
        polls.add(name, "s")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run, polls, 400)
        await trio.sleep(35)
        delay = 100
        polls.begin_anew([(name, "s") for name in names])
    before = [30] if first == 30 else []
    assert look.at("v1") == pytest.approx([*before, 135, 235, 335])
    assert look.at("slow") == pytest.approx([30, 230] if before else [135, 335])
