"""A proxy that follows a hub: what it says of one that is away."""

from __future__ import annotations

import logging
from typing import Any, NoReturn, cast

import pytest
import trio
import trio.testing

from web.proxy.following.follow import Follower
from web.proxy.parts import Parts


class AwayHub:
    """Ends the stream first, and then takes no connections."""

    def __init__(self) -> None:
        self._asked = 0

    def stream(self, _query: str, _headers: str) -> NoReturn:
        self._asked += 1
        raise OSError("the hub ended the stream" if self._asked == 1 else "Connection refused")


class NoParts:
    """What a follower that gets no routes does without."""

    routes = upstreams = away = None


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (4, ["INFO the hub ended the stream"]),
        (60, ["INFO the hub ended the stream", "WARNING Connection refused"]),
    ],
)
async def test_a_hub_that_ends_is_told_once_and_one_that_stays_away_as_a_trouble(
    seconds: float,
    told: list[str],
    caplog: pytest.LogCaptureFixture,
    autojump_clock: trio.testing.MockClock,
) -> None:
    caplog.set_level(logging.INFO)
    follower = Follower(cast(Any, AwayHub()), cast(Parts, NoParts()), "p1", "a proxy")
    with trio.move_on_after(seconds):
        await follower.follow()
    said = [f"{one.levelname} {one.getMessage()}" for one in caplog.records if one.name == "callboard.proxy"]
    assert [one.replace("not following the hub: ", "") for one in said] == told
