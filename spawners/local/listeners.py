"""Who listens on a port of this machine, as the kernel lists it."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import islice

from msgspec import Struct

_LISTENS = "0A"
_LISTENING = f":0000 {_LISTENS} "  # connected to nobody
_FAMILIES = (("/proc/net/tcp", socket.AF_INET), ("/proc/net/tcp6", socket.AF_INET6))
_MAPPED = "::ffff:"  # an IPv4 address in IPv6's clothes


class Listener(Struct, frozen=True):
    """`uid`: of the account that made the socket. `inode`: names the socket, here and among descriptors."""

    address: str
    port: int
    uid: int
    inode: int


def read_listeners(port: int) -> list[Listener]:
    """All on this port. Raises OSError where the kernel does not tell."""
    found: list[Listener] = []
    for path, family in _FAMILIES:
        try:
            with open(path, encoding="ascii") as lines:
                found += (one for one in parse(_likely(lines, port), family) if one.port == port)
        except FileNotFoundError:
            if family == socket.AF_INET:
                raise
    return found


def _likely(lines: Iterable[str], port: int) -> Iterator[str]:
    """The head, and the listeners' rows that have this port in them: the others, thousands maybe, stay whole."""
    wanted = f":{port:04X} "
    for number, line in enumerate(lines):
        if number and _LISTENING not in line:
            return
        if not number or wanted in line:
            yield line


def parse(lines: Iterable[str], family: int) -> Iterator[Listener]:
    """Of /proc/net/tcp or tcp6. The kernel lists those that listen before all others: the rest is left unread."""
    for line in islice(lines, 1, None):
        _, local, _, state, _, _, _, uid, _, inode, *_ = line.split()
        if state != _LISTENS:
            return
        address, _, port = local.partition(":")
        yield Listener(_address(address, family), int(port, 16), int(uid), int(inode))


def _address(words: str, family: int) -> str:
    """Words of 32 bits, each in this machine's order of bytes."""
    raw = bytes.fromhex(words)
    if sys.byteorder == "little":
        raw = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    return socket.inet_ntop(family, raw)


def reached(host: str, listeners: Iterable[Listener]) -> list[Listener]:
    """Those of a port whom a connection to `host` may come to: the kernel prefers the nearest address.

    A `host` that is a name may be any of this machine's addresses: all are meant then.
    """
    try:
        near = _addresses(ip_address(host))
    except ValueError:
        return list(listeners)
    ranked = [(near.index(one.address), one) for one in listeners if one.address in near]
    nearest = min((rank for rank, _ in ranked), default=0)
    return [one for rank, one in ranked if rank == nearest]


def _addresses(host: IPv4Address | IPv6Address) -> tuple[str, ...]:
    """Who listens on one of these can be reached at `host`; the nearest first."""
    if isinstance(host, IPv4Address):
        return str(host), _MAPPED + str(host), "0.0.0.0", "::"  # noqa: S104 -- what others listen on
    return socket.inet_ntop(socket.AF_INET6, host.packed), "::"
