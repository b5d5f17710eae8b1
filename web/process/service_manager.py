"""Whoever started the hub as a service, told of its state over the socket of `sd_notify`: systemd, or another like it.

Source of the protocol: systemd's sd_notify(3).
"""

from __future__ import annotations

import os
import socket
import time
from typing import Self

import trio

SOCKET, WATCHDOG, WATCHDOG_PID = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"


class ServiceManager:
    """`address`: of its socket, "" where there is none. `watchdog`: seconds within which it wants to hear of us."""

    def __init__(self, address: str = "", watchdog: float | None = None) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._watchdog = watchdog

    @classmethod
    def of_environment(cls) -> Self:
        """What it has put there is taken out, for servers and proxy are no business of its."""
        address, microseconds = os.environ.pop(SOCKET, ""), os.environ.pop(WATCHDOG, "")
        is_ours = os.environ.pop(WATCHDOG_PID, str(os.getpid())) == str(os.getpid())
        wants = microseconds.isascii() and microseconds.isdigit() and is_ours
        return cls(address, int(microseconds) / 1_000_000 if wants else None)

    def ready(self, words: str) -> None:
        self._tell("READY=1", f"STATUS={words}")

    def reloading(self) -> None:
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        self._tell("STOPPING=1", "STATUS=The hub is ending.")

    async def keep_alive(self) -> None:
        """Tell it in time that the event loop goes round; for ever, or not at all if it does not ask."""
        while self._watchdog:
            self._tell("WATCHDOG=1")
            await trio.sleep(self._watchdog / 3)

    def _tell(self, *lines: str) -> None:
        """It may have gone: that is no trouble of the hub's."""
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.setblocking(False)
            try:
                channel.sendto("\n".join(lines).encode(), self._address)
            except OSError:
                return
