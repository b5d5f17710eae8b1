"""One watch for all: what it makes of lists and events, and how often the engine is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UnreachableError
from spawners.docker.engine.found import Summary
from spawners.docker.engine.listing import INTERVAL, Listing
from spawners.docker.engine.watch import View, Watch
from tests.unit.spawners.docker.faulty_engine import Answer, faulty_engine


def event(action: str, spawn_id: str | None = "s1") -> dict[str, Any]:
    attributes = {} if spawn_id is None else {"callboard.spawn-id": spawn_id, "exitCode": "0"}
    return {"Type": "container", "Action": action, "Actor": {"ID": "1", "Attributes": attributes}}


def listed(*spawn_ids: str) -> list[Summary]:
    return [Summary(0, {"callboard.spawn-id": spawn_id}) for spawn_id in spawn_ids]


def test_what_starts_runs_until_it_ends() -> None:
    view = View()
    assert view.take(event("start")) == ""
    assert view.running == {"s1"}
    assert view.take(event("die")) == "s1"
    assert view.running == frozenset()


def test_a_list_makes_up_for_events_that_were_lost() -> None:
    view = View()
    view.begin_list()
    assert view.replace(listed("s1", "s2")) == frozenset()
    view.begin_list()
    assert view.replace(listed("s2", "s3")) == {"s1"}
    assert view.running == {"s2", "s3"}


def test_what_ends_while_the_list_is_under_way_has_ended() -> None:
    view = View()
    view.begin_list()
    view.take(event("die"))
    view.replace(listed("s1", "s2"))
    assert view.running == {"s2"}


@pytest.mark.parametrize(
    "other",
    [
        event("start", None),
        event("exec_start: ls"),
        {},
        {"Actor": None},
        {"Actor": {"Attributes": 3}, "Action": "die"},
    ],
)
def test_other_news_are_none(other: dict[str, Any]) -> None:
    view = View()
    assert view.take(other) == ""
    assert view.running == frozenset()


IDS = st.sampled_from(["s1", "s2", "s3"])
NEWS = st.tuples(st.sampled_from(["start", "die", "destroy", "list"]), IDS, st.booleans())


@given(st.lists(NEWS))
def test_after_a_list_the_view_is_what_the_engine_has(news: list[tuple[str, str, bool]]) -> None:
    """Events may be lost (the third of each); ids never come back once they have ended."""
    view, running, over = View(), set[str](), set[str]()
    for action, spawn_id, is_lost in news:
        if action == "list":
            view.begin_list()
            view.replace(listed(*running))
            assert view.running == running
        elif action == "start" and spawn_id not in over:
            running.add(spawn_id)
        elif action != "start":
            over.add(spawn_id)
            running.discard(spawn_id)
        if action != "list" and not is_lost and (action != "start" or spawn_id in running):
            view.take(event(action, spawn_id))
    view.begin_list()
    view.replace(listed(*running))
    assert view.running == running


# --- against an engine ---


def told(*spawn_ids: str) -> bytes:
    return json.dumps([{"Created": 0, "Labels": {"callboard.spawn-id": one}} for one in spawn_ids]).encode()


class SlowEngine:
    """Takes a while for each list."""

    def __init__(self, *failures: Exception) -> None:
        self.at: list[float] = []
        self._failures = list(failures)

    async def containers(self, *labels: str) -> list[Summary]:
        self.at.append(trio.current_time())
        await trio.sleep(0.3)
        if self._failures:
            raise self._failures.pop()
        return listed(f"s{len(self.at)}")


async def test_however_many_ask_there_is_one_list_a_second(autojump_clock: trio.testing.MockClock) -> None:
    engine = SlowEngine()
    listing = Listing(engine, "hub")  # type: ignore[arg-type]
    began, told_of = trio.current_time(), []

    async def ask(after: float) -> None:
        await trio.sleep(after)
        told_of.append([one.spawn_id for one in await listing.now()])

    async with trio.open_nursery() as nursery:
        for number in range(200):
            nursery.start_soon(ask, number % 2 * 0.1)  # the second half while the first list is under way
    assert [at - began for at in engine.at] == [0, INTERVAL]
    assert told_of == [["s1"]] * 100 + [["s2"]] * 100, "nobody is told of what was so before they asked"


async def test_a_list_that_fails_is_not_asked_for_at_once_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    engine = SlowEngine(UnreachableError("no"))
    listing = Listing(engine, "hub")  # type: ignore[arg-type]
    with pytest.raises(UnreachableError):
        await listing.now()
    assert [one.spawn_id for one in await listing.now()] == ["s2"]
    assert engine.at[1] - engine.at[0] == INTERVAL


async def test_a_watch_that_breaks_off_sees_nothing_for_certain(tmp_path: Path) -> None:
    beats, tidied = [], []

    async def tidy(found: list[Summary]) -> None:
        tidied.append([one.spawn_id for one in found])

    async with faulty_engine(tmp_path) as faulty:
        watch = Watch(faulty.engine, Listing(faulty.engine, "hub"), "hub", tidy)

        def answer(method: str, path: str) -> Answer:
            return (200, told("s1")) if path == "/containers/json" else None

        faulty.answer = answer
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch.run, lambda: beats.append(1))
            await trio.sleep(0.05)  # the head of the events' answer has not come: nothing is listed before
            assert not watch.sees("s1")
            nursery.cancel_scope.cancel()

        faulty.answer = lambda method, path: (200, told("s1") if path == "/containers/json" else b"")
        with pytest.raises((UnreachableError, ExceptionGroup)):
            await watch.run(lambda: beats.append(1))
        assert not watch.sees_now("s1"), "the stream of events has ended"
        assert len(beats) == len(tidied) <= 1
