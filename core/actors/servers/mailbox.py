"""A command, who asks, and where the answer goes."""

from __future__ import annotations

from typing import Generic, TypeVar

import trio

from core.errors import BusyError
from core.events.file.writer import IdempotencyRecord
from core.events.record import By

Command = TypeVar("Command")
Answer = TypeVar("Answer")


class Call(Generic[Command, Answer]):
    """One command under way. Whoever asked may have gone: answering never fails."""

    __slots__ = ("_answer", "_answered", "_error", "by", "command", "idempotency")

    def __init__(self, command: Command, by: By, idempotency: IdempotencyRecord | None) -> None:
        self.command = command
        self.by = by
        self.idempotency = idempotency
        self._answered = trio.Event()
        self._answer: Answer | None = None
        self._error: Exception | None = None

    def answer(self, answer: Answer) -> None:
        self._answer = answer
        self._answered.set()

    def refuse(self, error: Exception) -> None:
        self._error = error
        self._answered.set()

    @property
    def is_answered(self) -> bool:
        return self._answered.is_set()

    async def wait(self) -> Answer:
        """The answer, or the error the command was refused with."""
        await self._answered.wait()
        if self._error is not None:
            raise self._error
        return self._answer  # type: ignore[return-value]


class Mailbox(Generic[Command, Answer]):
    """The calls that wait for an actor, first come first served; a full one refuses.

    The actor's own reports are let in even when it is full, for without them it could not move on.
    """

    __slots__ = ("_arrival", "_calls", "_nudged", "_size")

    def __init__(self, size: int) -> None:
        self._size = size
        self._calls: list[Call[Command, Answer]] = []  # a deque weighs ten times as much while it is empty
        self._nudged = False
        self._arrival: trio.Event | None = None  # while the actor waits

    def __len__(self) -> int:
        return len(self._calls)

    def put(self, call: Call[Command, Answer], *, own: bool = False) -> None:
        """Raises BusyError when full."""
        if not own and len(self._calls) >= self._size:
            raise BusyError("Too many requests wait for this server; try again in a moment.")
        self._calls.append(call)
        self._wake()

    def nudge(self) -> None:
        """Wake the actor without a command."""
        self._nudged = True
        self._wake()

    def _wake(self) -> None:
        if self._arrival is not None:
            self._arrival.set()

    async def take(self) -> Call[Command, Answer] | None:
        """The next call, or None after a nudge. A cancelled `take` takes nothing."""
        await trio.lowlevel.checkpoint_if_cancelled()
        while not self._calls and not self._nudged:
            self._arrival = trio.Event()
            try:
                await self._arrival.wait()
            finally:
                self._arrival = None
        if self._nudged:
            self._nudged = False
            return None
        return self._calls.pop(0)

    def take_all(self) -> list[Call[Command, Answer]]:
        """Everything that waits, at once."""
        calls, self._calls = self._calls, []
        return calls
