"""Which port each server is told to listen on, before it does."""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path

from core.errors import SpawnError

WILDCARDS = {"": "127.0.0.1", "*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
"""Addresses to listen on that nobody can connect to, and where to connect instead."""


_LOWEST = 16384
_TRIES = 50


class Ports:
    """Gives a port to one attempt at a time, although nobody listens there yet. For use by several threads.

    `taken_before`: the ports of attempts that an earlier hub has launched; asked once, when first needed.
    """

    def __init__(
        self, ip: str, port_range: tuple[int, int] | None, taken_before: Callable[[], dict[str, int]]
    ) -> None:
        self._ip = "" if ip == "*" else ip
        self._range = range(port_range[0], port_range[1] + 1) if port_range else None
        self._cursor = 0
        self._taken_before: Callable[[], dict[str, int]] | None = taken_before
        self._ports: dict[str, int] = {}
        self._taken: set[int] = set()
        self._mutex = threading.Lock()
        self._loading = threading.Lock()

    def take(self, spawn_id: str) -> int:
        """Raises SpawnError if there is none."""
        self._load()
        with self._mutex:
            self._drop(spawn_id)
            port = self._any() if self._range is None else self._next(self._range)
            self._ports[spawn_id] = port
            self._taken.add(port)
            return port

    def is_anothers(self, spawn_id: str, port: int) -> bool:
        with self._mutex:
            return port in self._taken and self._ports.get(spawn_id) != port

    def release(self, spawn_id: str) -> None:
        with self._mutex:
            self._drop(spawn_id)

    def _load(self) -> None:
        with self._loading:
            if self._taken_before is None:
                return
            ports = self._taken_before()
            with self._mutex:  # held for a moment only: the event loop waits for it in `release`
                self._ports.update(ports)
                self._taken.update(ports.values())
            self._taken_before = None

    def _drop(self, spawn_id: str) -> None:
        port = self._ports.pop(spawn_id, None)
        if port is not None:
            self._taken.discard(port)

    def _any(self) -> int:
        """Below the ports that the kernel gives to outgoing connections: there one may go in the meantime."""
        for _ in range(_TRIES):
            port = _LOWEST + secrets.randbelow(max(_first_ephemeral_port() - _LOWEST, 1))
            if port not in self._taken and self._is_free(port):
                return port
        while True:
            with self._socket() as sock:
                sock.bind((self._ip, 0))
                port = int(sock.getsockname()[1])
            if port not in self._taken:
                return port

    def _next(self, ports: range) -> int:
        for _ in ports:
            port = ports[self._cursor % len(ports)]
            self._cursor += 1
            if port not in self._taken and self._is_free(port):
                return port
        raise SpawnError(f"All ports from {ports.start} to {ports.stop - 1} (port_range) are taken.")

    def _is_free(self, port: int) -> bool:
        with self._socket() as sock:
            sock.setsockopt(
                socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
            )  # as a server does that is started again
            try:
                sock.bind((self._ip, port))
            except OSError:
                return False
            return True

    def _socket(self) -> socket.socket:
        return socket.socket(socket.AF_INET6 if ":" in self._ip else socket.AF_INET, socket.SOCK_STREAM)


def url_at(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@cache
def _first_ephemeral_port() -> int:
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 32768
