"""A command, who asks, and where the answer goes."""

from __future__ import annotations

import math
from typing import Generic, TypeVar

import trio

from core.errors import BusyError
from core.events.record import By
from core.events.writer import Claim

Command = TypeVar("Command")
Answer = TypeVar("Answer")


class Call(Generic[Command, Answer]):
    """One command under way. Whoever asked may have gone: answering never fails."""

    __slots__ = ("_answer", "_answered", "_error", "by", "claim", "command")

    def __init__(self, command: Command, by: By, claim: Claim | None) -> None:
        self.command = command
        self.by = by
        self.claim = claim
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

    def __init__(self, size: int) -> None:
        self._size = size
        self._send, self._receive = trio.open_memory_channel[Call[Command, Answer] | None](math.inf)

    def __len__(self) -> int:
        return self._send.statistics().current_buffer_used

    def put(self, call: Call[Command, Answer], *, own: bool = False) -> None:
        """Raises BusyError when full."""
        if not own and len(self) >= self._size:
            raise BusyError("Too many requests wait for this server; try again in a moment.")
        self._send.send_nowait(call)

    def nudge(self) -> None:
        """Wake the actor without a command."""
        self._send.send_nowait(None)

    def take_now(self) -> Call[Command, Answer] | None:
        """As `take`, of a mailbox that is not empty."""
        return self._receive.receive_nowait()

    async def take(self) -> Call[Command, Answer] | None:
        """The next call, or None for a nudge."""
        return await self._receive.receive()
