"""Documents that are kept for a while."""

from __future__ import annotations

import pytest
import trio

from core.errors import UnavailableError
from web.authenticators.oidc.kept import KEEP, RETRY, Kept


class Source:
    """Takes two seconds for a document, which is its number; `fails`: for a refusal."""

    def __init__(self) -> None:
        self.asked = 0
        self.fails = False

    async def __call__(self) -> int:
        self.asked += 1
        await trio.sleep(2)
        if self.fails:
            raise UnavailableError(f"no {self.asked}")
        return self.asked


async def together(kept: Kept[int], number: int = 5) -> list[tuple[int, float]]:
    """What so many tasks are given, and after how many seconds."""
    got, began = [], trio.current_time()

    async def get() -> None:
        document = await kept.get()
        got.append((document, round(trio.current_time() - began)))

    async with trio.open_nursery() as nursery:
        for _ in range(number):
            nursery.start_soon(get)
    return sorted(got)


async def test_of_many_one_fetches_and_all_wait(autojump_clock):
    source = Source()
    assert await together(Kept(source)) == [(1, 2)] * 5
    assert source.asked == 1


async def test_an_old_document_is_fetched_again_while_others_use_it(autojump_clock):
    source = Source()
    kept = Kept(source)
    await kept.get()
    await trio.sleep(KEEP + 1)
    assert await together(kept) == [(1, 0)] * 4 + [(2, 2)]
    assert await kept.get() == 2
    assert source.asked == 2


async def test_an_old_document_is_better_than_none(autojump_clock):
    source = Source()
    kept = Kept(source)
    await kept.get()
    await trio.sleep(KEEP + 1)
    source.fails = True
    for _ in range(3):
        assert await kept.get() == 1
    assert source.asked == 2


async def test_a_refusal_is_repeated_for_a_while_without_asking(autojump_clock):
    source = Source()
    source.fails = True
    kept = Kept(source)
    for _ in range(3):
        with pytest.raises(UnavailableError, match="no 1"):
            await kept.get()
    await trio.sleep(RETRY)
    source.fails = False
    assert await kept.get() == 2


async def test_a_fetch_that_was_cancelled_leaves_nothing_behind(autojump_clock):
    source = Source()
    kept = Kept(source)
    with trio.move_on_after(1):
        await kept.get()
    assert await kept.get() == 2
