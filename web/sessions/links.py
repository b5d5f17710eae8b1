"""Links that log somebody in once: for whoever starts a hub and sits in front of its terminal.

A link is good for a quarter of an hour and for one use, and dies with the hub. The hub keeps its digest alone, in
memory; what a log needs to know is the session that is opened with it.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict

import trio
from msgspec import Struct

from core.token import quick_digest

LIFE = 900.0  # seconds
KEPT = 100  # links that were not used yet
MAX_TICKET = 100  # characters; longer ones are not looked at
ARGUMENT = "ticket"


class Link(Struct, frozen=True):
    user: str  # the id
    until: float  # by trio's clock


class LoginLinks:
    def __init__(self) -> None:
        self._by_digest: OrderedDict[str, Link] = OrderedDict()

    def make(self, user_id: str) -> str:
        """The ticket: the only time it is told."""
        ticket = secrets.token_urlsafe(32)
        self._by_digest[quick_digest(ticket)] = Link(user_id, trio.current_time() + LIFE)
        if len(self._by_digest) > KEPT:
            self._by_digest.popitem(last=False)
        return ticket

    def take(self, ticket: str) -> str | None:
        """The id of the user whom it logs in, this once; None for one that is unknown, used or too old."""
        if len(ticket) > MAX_TICKET or not ticket.isascii():
            return None
        link = self._by_digest.pop(quick_digest(ticket), None)
        return None if link is None or link.until < trio.current_time() else link.user
