"""Why a server was stopped, in one word for programs. The words for people stand beside it, in `why`."""

from __future__ import annotations

from typing import Literal

StopReason = Literal["", "person", "culled", "quota", "blocked", "removed", "shutdown", "reconciler"]
"""`""`: recorded before there were reasons. `person`: by hand, also by a program with somebody's token.

`culled`: by a service, as those do that end what is idle. `quota`: somebody has used up what they may. `blocked`: the
configuration blocks the user. `removed`: the server or its user is being removed. `shutdown`: the hub ends, and its
servers with it. `reconciler`: what runs is not what the log says, or does not answer.
"""


def reason_of(principal: str) -> StopReason:
    """What a stop is that this principal asks for. `principal`: as in the envelope of an event."""
    return "culled" if principal.startswith("service/") else "person"
