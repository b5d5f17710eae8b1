"""What runs although no server knows it: whose it is, by its mark. Pure.

A log that is not the newest (another was mislaid, a WAL was lost, an older backup put back) knows nothing of what was
started since. That is no stray: the mark says that a later state of the same log started it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Literal

from msgspec import Struct

from core.reconcile.mark import Mark, opened

NAMED = 5  # servers in a message

Answer = Literal["", "adopt", "end"]


class Consent(Struct, frozen=True):
    """What the administrator allows. `later`: to do with what a later state of this log has started; `""`: nothing.

    `former_log`: the id of a log that was given up on purpose; what it started may end.
    """

    later: Answer = ""
    former_log: str = ""


NO_CONSENT = Consent()


class Strays(Struct, frozen=True):
    """`due`: this log has started them and knows that they should have ended, or its administrator wants it so.

    `later`: started by a later state of this log, the oldest first. `foreign`: of another log, or without a true mark.
    """

    due: tuple[str, ...] = ()
    later: tuple[Mark, ...] = ()
    foreign: tuple[str, ...] = ()


def sort_out(
    marks: Mapping[str, str],
    known: Collection[str],
    key: bytes,
    log: str,
    knows: Callable[[Mark], bool],
    consent: Consent = NO_CONSENT,
) -> Strays:
    """`marks`: of what runs, by spawn id. `known`: the spawn ids that servers know. `log`: the id of this log.

    `knows`: whether the start of a mark stands in this log.
    """
    due: list[str] = []
    later: list[Mark] = []
    foreign: list[str] = []
    for spawn_id in sorted(marks.keys() - set(known)):
        mark = opened(marks[spawn_id], key)
        if mark is None or mark.spawn_id != spawn_id or mark.log not in (log, consent.former_log):
            foreign.append(spawn_id)
        elif mark.log == log and consent.later != "end" and not knows(mark):
            later.append(mark)
        else:
            due.append(spawn_id)
    later.sort(key=lambda mark: mark.position)
    return Strays(tuple(due), tuple(later), tuple(foreign))


def named(marks: Iterable[Mark]) -> str:
    """`alice/, bob/lab`: whose they are."""
    names = sorted({f"{mark.user}/{mark.server}" for mark in marks})
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
