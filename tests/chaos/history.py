"""What happened in a run: what clients did and were answered, what they saw, and what was found in the end.

A subject is what is there or not: `user/x`, `group/x`, `member/group/user`, `token/id`, `server/user`. One client
alone changes it, one thing after the other.
"""

from __future__ import annotations

import threading
from enum import StrEnum
from typing import NamedTuple

from tests.chaos.schedule import Kind


class Outcome(StrEnum):
    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "no answer"  # it may be carried out now, later, or never


class Act(NamedTuple):
    """`wants`: whether the subject is to be there. `request`: the id that the hub's answer bears, if it has one."""

    at: float
    subject: str
    wants: bool
    outcome: Outcome
    status: int = 0
    request: str = ""
    said: str = ""


class Sight(NamedTuple):
    """What an answer showed."""

    at: float
    subject: str
    present: bool


class Socket(NamedTuple):
    """A WebSocket through the proxy, from before it was asked for. `cut`: how it ended, unless its client closed it."""

    opened: float
    ended: float
    cut: str = ""


class Done(NamedTuple):
    """A harm that was really done: there was something to do it to."""

    at: float
    ended: float
    kind: Kind


class Life(NamedTuple):
    """A hub's process. `status`: how it ended by itself; None if it was ended, or was the last."""

    began: float
    ended: float
    status: int | None = None


class Recorded(NamedTuple):
    type: str
    request: str


class Found(NamedTuple):
    """What is there once all harm is over. `unsettled`: what never came to rest.

    `running`: processes of each server that should run; `strays`: server processes after all were stopped.
    """

    unsettled: tuple[str, ...] = ()
    running: tuple[tuple[str, int], ...] = ()
    strays: tuple[str, ...] = ()
    doubles: tuple[str, ...] = ()
    unsound: tuple[str, ...] = ()


class History(NamedTuple):
    acts: tuple[Act | Sight, ...] = ()
    sockets: tuple[Socket, ...] = ()
    harms: tuple[Done, ...] = ()
    lives: tuple[Life, ...] = ()
    recorded: tuple[Recorded, ...] = ()
    found: Found = Found()


class Notebook:
    """Written by many clients at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.acts: list[Act | Sight] = []
        self.sockets: list[Socket] = []

    def act(self, act: Act | Sight) -> None:
        with self._lock:
            self.acts.append(act)

    def socket(self, socket: Socket) -> None:
        with self._lock:
            self.sockets.append(socket)
