"""Runs that once found a fault of the hub's: the seed, and the faults it stood for then, of which what matters is left.

A seed means something else once schedule.py changes; these do not. A run prints its faults like this when one is found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tests.chaos.schedule import Fault, Kind


class Run(NamedTuple):
    """`seed`: what the clients do."""

    seed: int
    faults: Sequence[Fault]


KEPT = {
    "a read that failed behind a commit was refused as if nothing had happened": Run(
        4,
        [
            Fault(0.436, Kind.FAILING_READS, 1.705, 1),
            Fault(0.549, Kind.FAILING_READS, 2.288, 2),
            Fault(2.483, Kind.KILL_HUB, 0.0),
            Fault(3.407, Kind.FAILING_READS, 0.856, 1),
            Fault(3.771, Kind.KILL_HUB, 0.0),
            Fault(5.705, Kind.FAILING_READS, 0.295, 2),
        ],
    ),
    "a read that failed while a server started was taken for a start that failed": Run(
        102, [Fault(0.3, Kind.FAILING_READS, 6.0, 5)]
    ),
}
