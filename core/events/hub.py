"""What can happen to the hub itself. Its stream is `hub`; that of its clock is the log's writer's alone."""

from __future__ import annotations

from collections.abc import MutableMapping
from datetime import datetime, timedelta

from core.events.urgency import Urgent

STREAM = "hub"
CLOCK = "clock"


class HubStarted(Urgent, frozen=True, tag="hub.started"):
    """A hub took the log over. Every server that was ready is in doubt until it has been adopted or lost.

    `hub`: the id of this one run of a hub. `epoch`: greater than that of any hub that had the log before, so that one
    that comes too late can be told apart; 0 where it was not recorded.
    """

    version: str
    hub: str = ""
    epoch: int = 0


class HubStopped(Urgent, frozen=True, tag="hub.stopped"):
    """An orderly end; a killed hub leaves none. `servers`: whether they were ended with it."""

    servers: bool


class ClockCorrected(Urgent, frozen=True, tag="hub.clock-corrected"):
    """The clock was set back. `before`: the time recorded last; `after`: that of this event, where times go on.

    Urgent, for it comes with whatever is recorded then.
    """

    before: datetime
    after: datetime

    @property
    def offset(self) -> timedelta:
        """What a moment recorded before it loses, to be compared with those recorded since."""
        return self.before - self.after


def shift(moments: MutableMapping[str, datetime], correction: ClockCorrected) -> None:
    """Make recorded moments comparable with those that follow the correction: for durations across it."""
    for key, moment in moments.items():
        moments[key] = moment - correction.offset


HubEvent = HubStarted | HubStopped | ClockCorrected
