"""What was moved in from another hub's database, as a whole. Stream: `moving`.

What came is told by events of its own, recorded by `import`: they say what this log was told, with the moments of then
as fields, and nothing that it has not seen itself.
"""

from __future__ import annotations

from core.events.urgency import Ordinary

STREAM = "moving"


class MovingInBegun(Ordinary, frozen=True, tag="moving.begun"):
    """`source`: a file or an address, without a password. `fingerprint`: of all that was in it.

    `seed`: what the ids of all that comes are made of, so that an import that was killed goes on with the same ones.
    """

    source: str
    fingerprint: str
    seed: str


class MovingInDone(Ordinary, frozen=True, tag="moving.done"):
    """All has come that was to come. `came`, `stayed`: how many of what."""

    came: dict[str, int]
    stayed: dict[str, int] = {}


MovingEvent = MovingInBegun | MovingInDone
