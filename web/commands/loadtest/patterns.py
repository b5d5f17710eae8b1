"""When people come, and how long they stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import NamedTuple


class Visit(NamedTuple):
    """Seconds after the beginning. Whose server is ready too late for that leaves later, having done one thing."""

    comes: float
    leaves: float


def _lecture(users: int, seconds: float, random: Random) -> list[Visit]:
    """All come within the first tenth, most of them in its middle, and leave together at the end."""
    come = (random.triangular(0, seconds / 10) for _ in range(users))
    return [Visit(moment, seconds) for moment in come]


def _steady(users: int, seconds: float, random: Random) -> list[Visit]:
    """They come at any time, each alone, and stay for a fifth of it on average."""
    come = (random.uniform(0, seconds) for _ in range(users))
    return [Visit(moment, min(moment + random.expovariate(5 / seconds), seconds)) for moment in come]


def _burst(users: int, seconds: float, random: Random) -> list[Visit]:
    """All in the same second; they leave one after another."""
    return [Visit(random.random(), random.uniform(1, seconds)) for _ in range(users)]


PATTERNS: Mapping[str, Callable[[int, float, Random], list[Visit]]] = {
    "lecture": _lecture,
    "steady": _steady,
    "burst": _burst,
}


def visits(pattern: str, users: int, seconds: float, random: Random) -> list[Visit]:
    """One for each user, in the order in which they come."""
    return sorted(PATTERNS[pattern](users, seconds, random))
