"""What a full disk makes of an event. Each type of event says it, by what it derives from: one of the two here.

The log keeps a little room for the urgent ones (see ballast.py). What is recorded with one of them, in one append,
is recorded with it: else a server's last words would keep its end from being told.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct


class Urgent(Struct, frozen=True):
    """It only takes away: a stop, a death, a revocation, a removal; or a hub comes or goes. Recorded all the same."""

    is_urgent: ClassVar[bool] = True


class Ordinary(Struct, frozen=True):
    """It gives somebody something, changes it, or only tells of it. Refused until there is room again."""

    is_urgent: ClassVar[bool] = False
