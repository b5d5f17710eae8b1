"""Shapes that are no longer written but stand in logs for ever. Only `codec.py` meets them.

Each is a struct with its old tag and an `upcast` to the shape that came after it, which may be retired too.
A stored sample of every shape ever written is in tests/unit/event_samples/.
"""

from __future__ import annotations

from typing import Protocol

from core.events import Event


class Retired(Protocol):
    def upcast(self) -> Event | Retired: ...


SHAPES: tuple[type[Retired], ...] = ()
