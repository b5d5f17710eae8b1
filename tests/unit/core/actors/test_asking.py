from __future__ import annotations

import logging

import pytest
import trio
from trio.testing import MockClock

from core.actors.asking import RETRY, Pauses, retry_forever, root_cause
from core.errors import HubError, SpawnError, UnreachableError

SPAWN, AWAY, BUG = SpawnError("no room"), UnreachableError("away"), KeyError("bug")


@pytest.mark.parametrize(
    ("error", "what_matters"),
    [
        (SPAWN, SPAWN),
        (BUG, BUG),
        (ExceptionGroup("", [SPAWN]), SPAWN),
        (ExceptionGroup("", [BUG]), BUG),
        (ExceptionGroup("", [BUG, ExceptionGroup("", [AWAY])]), AWAY),
        (ExceptionGroup("", [AWAY, BUG, SPAWN]), SPAWN),
    ],
)
def test_what_matters_in_an_error(error: Exception, what_matters: Exception) -> None:
    assert root_cause(error) is what_matters


def test_several_bugs_are_several_bugs() -> None:
    group = ExceptionGroup("", [BUG, OSError("x")])
    assert root_cause(group) is group
    assert not isinstance(root_cause(group), HubError)


async def test_insisting_asks_until_there_is_an_answer(autojump_clock: MockClock) -> None:
    troubles: list[Exception] = [AWAY, BUG, SPAWN]

    async def ask() -> str:
        await trio.lowlevel.checkpoint()
        if troubles:
            raise troubles.pop()
        return "answer"

    assert await retry_forever("ask", "s1", ask) == "answer"
    assert RETRY.first * 7 / 2 <= trio.current_time() <= RETRY.first * 7


async def test_what_is_an_answer_too_is_raised(autojump_clock: MockClock) -> None:
    troubles = [SPAWN, AWAY, AWAY]

    async def ask() -> None:
        await trio.lowlevel.checkpoint()
        raise troubles.pop()

    with pytest.raises(SpawnError):
        await retry_forever("ask", "s1", ask, on=UnreachableError)
    assert troubles == []


async def test_only_the_first_failure_of_a_row_is_noted(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    pauses = Pauses("end", "s1")
    with caplog.at_level(logging.WARNING):
        for _ in range(100):
            await pauses.after(AWAY)
        assert caplog.text.count("cannot end s1") == 1
        pauses.reset()
        await pauses.after(BUG)
        assert caplog.text.count("cannot end s1") == 2
        assert "KeyError" in caplog.text
