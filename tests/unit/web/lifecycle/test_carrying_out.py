"""What a start records, and what of it waits while nothing can be recorded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio

from core.errors import HubError, InvalidError, NotFoundError, UnavailableError
from web.lifecycle.carrying_out import Step, carry_out, carry_out_later


class Desk:
    """Steps by name; those in `refuses` raise that."""

    def __init__(self) -> None:
        self.refuses: dict[str, HubError] = {}
        self.done: list[str] = []

    def steps(self, *names: str) -> list[Step]:
        return [(name, self._step(name)) for name in names]

    def _step(self, name: str) -> Callable[[], Awaitable[None]]:
        async def do() -> None:
            if name in self.refuses:
                raise self.refuses[name]
            self.done.append(name)

        return do


async def test_what_cannot_be_recorded_keeps_nothing_else_from_being_done() -> None:
    desk = Desk()
    desk.refuses = {"b": UnavailableError("The disk is full.")}
    left = await carry_out(desk.steps("a", "b", "c"))
    assert [what for what, _ in left] == ["b"]
    assert desk.done == ["a", "c"]


async def test_what_rests_on_it_waits_with_it(autojump_clock: object) -> None:
    desk = Desk()
    desk.refuses = {"role": UnavailableError("full"), "members": NotFoundError("There is no such role.")}
    left = await carry_out(desk.steps("role", "members"))
    assert [what for what, _ in left] == ["role", "members"]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(carry_out_later, left)
        await trio.sleep(30)
        assert desk.done == []
        desk.refuses = {}
    assert desk.done == ["role", "members"]


async def test_what_is_wrong_for_another_reason_stops_the_start() -> None:
    desk = Desk()
    desk.refuses = {"b": InvalidError("That makes no sense.")}
    with pytest.raises(InvalidError):
        await carry_out(desk.steps("a", "b", "c"))
    assert desk.done == ["a"]
