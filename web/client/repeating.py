"""Asking again where that can help and does no harm."""

from __future__ import annotations

from typing import TypeVar

from core.backoff import Backoff
from web.client.steps import Answer, Ask, Broken, Pause, Reply, Steps, retry_after

T = TypeVar("T")

RETRY = Backoff(0.2, 10.0)
LONGEST = 90.0  # seconds that the hub may ask for; longer is for the caller to decide

_THROTTLED, _UNAVAILABLE = 429, 503


def repeated(steps: Steps[T], attempts: int) -> Steps[T]:
    """The same steps, each request asked up to so many times."""
    reply: Reply = None
    while True:
        try:
            step = steps.send(reply)
        except StopIteration as end:
            result: T = end.value
            return result
        reply = (yield from _ask(step, attempts)) if isinstance(step, Ask) else (yield step)


def _ask(request: Ask, attempts: int) -> Steps[Reply]:
    for attempt in range(1, attempts + 1):
        reply = yield request
        pause = _pause(reply, attempt)
        if pause is None or attempt == attempts:
            break
        yield Pause(pause)
    return reply


def _pause(reply: Reply, failures: int) -> float | None:
    """How long to wait before asking again; None: it is as it is.

    Never less than the hub asks for, and a little more: it may have told many the same.
    """
    usual = RETRY.after(failures)
    match reply:
        case Broken(may_repeat=may_repeat):
            return usual if may_repeat else None
        case Answer(status=status) if status in (_THROTTLED, _UNAVAILABLE):
            asked = retry_after(reply)
            if asked is None:
                return usual if status == _UNAVAILABLE else None
            return asked + usual if asked <= LONGEST else None
        case _:
            return None
