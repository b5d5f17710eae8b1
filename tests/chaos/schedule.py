"""From a seed, what is done to a hub and when."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """`lasts` is how long a hub that was killed stays away, too."""

    KILL_HUB = "kill -9 of the hub"
    KILL_PROXY = "kill -9 of the proxy"
    KILL_BOTH = "kill -9 of hub and proxy"
    FREEZE_HUB = "SIGSTOP of the hub"
    FREEZE_PROXY = "SIGSTOP of the proxy"
    FAILING_SYNCS = "EIO from fsync"
    FAILING_WRITES = "EIO from writes"
    FAILING_READS = "EIO from reads"
    FULL_DISK = "ENOSPC"
    CLOCK = "a clock that jumps"
    LOCK = "a foreign write lock on the log"
    MOVE_LOG = "the log is moved"
    MOVE_WAL = "the WAL is moved"
    REPLACE_LOG = "the log is replaced"


SHIM = frozenset(
    {Kind.FAILING_SYNCS, Kind.FAILING_WRITES, Kind.FAILING_READS, Kind.FULL_DISK, Kind.CLOCK}
)  # done by the preloaded shim
AWAY = frozenset({Kind.MOVE_LOG, Kind.MOVE_WAL, Kind.REPLACE_LOG})  # done alone: the hub has to notice
KILLS = frozenset({Kind.KILL_HUB, Kind.KILL_PROXY, Kind.KILL_BOTH})
WEIGHT = {kind: 1 if kind in AWAY else 3 for kind in Kind}

DAY = 86400
LEAPS = (-400 * DAY, -DAY, -3600, -30, -2, 2, 30, 3600, DAY, 400 * DAY)  # seconds
PAUSE = 1.2  # seconds between the beginnings of two faults, on average


class Fault(NamedTuple):
    """`at`: seconds after the beginning. `amount`: by how much the clock jumps, that every so manieth call fails,
    or whether a full disk has (1) or has not (more) the room that was taken beforehand.
    """

    at: float
    kind: Kind
    lasts: float
    amount: int = 1


def plan(seed: int, seconds: float, kinds: Sequence[Kind] = tuple(Kind)) -> list[Fault]:
    """What is done in the first so many seconds, in order. Everything is over when they are."""
    rng = random.Random(seed)
    found = list(_some(rng, seconds, kinds))
    return [fault._replace(lasts=min(fault.lasts, seconds - fault.at)) for fault in found]


def _some(rng: random.Random, seconds: float, kinds: Sequence[Kind]) -> Iterator[Fault]:
    at = rng.uniform(0.2, PAUSE)
    while at < seconds:
        kind = rng.choices(kinds, [WEIGHT[kind] for kind in kinds])[0]
        yield Fault(round(at, 3), kind, round(_lasts(rng, kind), 3), _amount(rng, kind))
        at += rng.expovariate(1 / PAUSE)


def _lasts(rng: random.Random, kind: Kind) -> float:
    if kind in KILLS:
        return rng.choice((0.0, 0.2, 1.0))
    return rng.uniform(0.2, 4.0)


def _amount(rng: random.Random, kind: Kind) -> int:
    if kind is Kind.CLOCK:
        return rng.choice(LEAPS)
    return rng.choice((1, 1, 2, 3, 7))


class Transition(NamedTuple):
    """The beginning or the end of a fault."""

    at: float
    is_end: bool
    fault: Fault


def transitions(faults: Sequence[Fault]) -> list[Transition]:
    """Beginnings and ends in order."""
    both = [
        Transition(fault.at + fault.lasts * is_end, is_end, fault)
        for fault in faults
        for is_end in (False, True)
    ]
    return sorted(both, key=lambda transition: (transition.at, transition.is_end))
