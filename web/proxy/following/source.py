"""Routes from a hub that is followed, which is told how far we are and which routes are in use."""

from __future__ import annotations

import contextlib
import secrets
import socket

import trio

from web.proxy.following.follow import Follower
from web.proxy.following.hub import HubClient
from web.proxy.following.report import report, report_to
from web.proxy.parts import Parts
from web.proxy.settings import ProxySettings

_REPORT_TIMEOUT = 1.0  # seconds for the last reports


class FollowedHub:
    """`address`: where we listen, which with this machine's name is what the hub calls us, if nobody says otherwise."""

    def __init__(self, settings: ProxySettings, parts: Parts, address: str) -> None:
        self._hub = HubClient(settings.stream, settings.token)
        self._interval = settings.activity_interval
        self._activity = parts.activity
        name = settings.name or f"{socket.gethostname()} {address}"
        self._follower = Follower(self._hub, parts, secrets.token_hex(8), name)

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._follower.follow)
            nursery.start_soon(self._follower.report_applied)
            nursery.start_soon(report_to, self._hub, self._activity, self._interval)

    async def end(self) -> None:
        """The hub learns what was used, and that we shall not be missed."""
        with trio.move_on_after(_REPORT_TIMEOUT), contextlib.suppress(OSError):
            await report(self._hub, self._activity)
            await self._follower.say_leaving()
