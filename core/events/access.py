"""Failed attempts to log in, counted: one event for many, whoever tries how often. Stream: `access`."""

from __future__ import annotations

from core.events.urgency import Ordinary

STREAM = "access"


class AccessRefused(Ordinary, frozen=True, tag="access.refused"):
    """Since the event before it, or the hub's start. Written at most once a minute, and only if there was something.

    `logins`: failed ones. `tokens`: requests with a token that is none. `addresses`: those that tried most often.
    `users`: ids of users of this hub whose names were tried most often; what else was tried as a name is not
    kept, for people type passwords there.
    """

    logins: int
    tokens: int
    addresses: dict[str, int]
    users: dict[str, int]


AccessEvent = AccessRefused
