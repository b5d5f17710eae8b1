"""How long a start may still take: the time in an engine's own queue counts for itself."""

from __future__ import annotations

import trio

from core.plugins.spawner import Progress


class StartClock:
    """Moves the deadline of `scope`, in which the start goes on. Waiting, however often, may last `waiting` seconds."""

    def __init__(self, scope: trio.CancelScope, waiting: float) -> None:
        self._scope = scope
        self._waiting = waiting
        self._left: float | None = None  # to start, while it waits

    @property
    def waits(self) -> bool:
        return self._left is not None

    def heard(self, message: Progress) -> None:
        now = trio.current_time()
        left = self._left
        if message.is_waiting and left is None:
            self._left, self._scope.deadline = self._scope.deadline - now, now + self._waiting
        elif not message.is_waiting and left is not None:
            self._waiting = max(0.0, self._scope.deadline - now)
            self._left, self._scope.deadline = None, now + left
