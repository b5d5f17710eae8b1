"""What happened in a run: what clients did and were answered, what they read, and what was found in the end.

A subject is what is there or not: `user/x`, `group/x`, `member/group/user`, `token/id`, `server/user/name`. One client
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


class Operation(NamedTuple):
    """`wants`: whether the subject is to be there. `request`: the id that the hub's answer bears, if it has one."""

    at: float
    subject: str
    wants: bool
    outcome: Outcome
    status: int = 0
    request: str = ""
    said: str = ""


class Read(NamedTuple):
    """What an answer showed."""

    at: float
    subject: str
    present: bool


class Page(NamedTuple):
    """A server's page through the proxy: the prefix it was asked under, and that of the server which answered."""

    at: float
    asked: str
    answered: str


class Socket(NamedTuple):
    """A WebSocket through the proxy, from before it was asked for. `cut`: how it ended, unless its client closed it."""

    opened: float
    ended: float
    cut: str = ""


class InjectedFault(NamedTuple):
    """A fault that was really done: there was something to do it to. A kill ends once it has been done."""

    at: float
    ended: float
    kind: Kind


class HubProcess(NamedTuple):
    """A hub's process. `status`: how it ended by itself; None if it was ended, or was the last."""

    began: float
    ended: float
    status: int | None = None


class Recorded(NamedTuple):
    type: str
    request: str


class FinalState(NamedTuple):
    """What is there once all faults are over. `unsettled`: what never came to rest.

    `running`: processes of each server that should run; `strays`: server processes after all were stopped.
    """

    unsettled: tuple[str, ...] = ()
    running: tuple[tuple[str, int], ...] = ()
    strays: tuple[str, ...] = ()
    doubles: tuple[str, ...] = ()
    unsound: tuple[str, ...] = ()


class History(NamedTuple):
    operations: tuple[Operation | Read, ...] = ()
    pages: tuple[Page, ...] = ()
    sockets: tuple[Socket, ...] = ()
    faults: tuple[InjectedFault, ...] = ()
    hub_processes: tuple[HubProcess, ...] = ()
    recorded: tuple[Recorded, ...] = ()
    final: FinalState = FinalState()


class Recorder:
    """Written by many clients at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.operations: list[Operation | Read] = []
        self.pages: list[Page] = []
        self.sockets: list[Socket] = []

    def operation(self, operation: Operation | Read) -> None:
        with self._lock:
            self.operations.append(operation)

    def page(self, page: Page) -> None:
        with self._lock:
            self.pages.append(page)

    def socket(self, socket: Socket) -> None:
        with self._lock:
            self.sockets.append(socket)
