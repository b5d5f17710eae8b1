"""The envelope every event is recorded in."""

from __future__ import annotations

import functools
from datetime import datetime

from msgspec import Struct

from core.events import Event


class By(Struct, frozen=True):
    """Who did it, and how.

    `principal`: `user/{id}`, `service/{name}` or `hub`. `via`: the id of the token or session used.
    `request`: the id of the HTTP request. `cause`: the position of the event that led to this one.
    """

    principal: str
    via: str = ""
    request: str = ""
    cause: int | None = None


HUB = By("hub")


class Record(Struct, frozen=True, gc=False):
    """An event with its place in the log. Positions and versions begin at 1; `at` is UTC."""

    position: int
    stream: str
    version: int
    at: datetime
    by: By
    event: Event

    @property
    def kind(self) -> str:
        """What its stream is about: `user` of `user/{id}`."""
        return self.stream.partition("/")[0]

    @property
    def key(self) -> str:
        """Which one its stream is about: the id, or the name, after the kind. `""` where there is only one."""
        return self.stream.partition("/")[2]


@functools.lru_cache(maxsize=256)  # every projection asks it of the same moment
def utc_text(moment: datetime) -> str:
    """A moment (UTC) as it is stored: ISO 8601 with microseconds and `Z`, so that texts sort as moments do."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
