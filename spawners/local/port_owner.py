"""Whose a port is: what is answered there is believed only of who was given it.

A process proves that it belongs to a server by descent from the server's process, or by being in its session,
which nobody can join from outside. What it says of itself (its name, its environment) proves nothing.
"""

from __future__ import annotations

import enum
import os
import re
from collections.abc import Collection, Iterable
from pathlib import Path

from msgspec import Struct

from core.machine.process_identity import Identity, is_alive, read_stat
from spawners.local.listeners import Listener, reached, read_listeners
from spawners.process_family import descendants, session_members

_SOCKET = re.compile(r"socket:\[(\d+)\]")
_UID = re.compile(r"^Uid:\s+\d+\s+(\d+)", re.MULTILINE)


class Owner(enum.Enum):
    NOBODY = "nobody listens"
    SERVER = "the server it was given to"
    STRANGER = "another process"


class Holder(Struct, frozen=True):
    """A process, as far as sockets go. `sockets`: their inodes; None where this hub may not see them."""

    uid: int
    sockets: frozenset[int] | None


def strangers(listeners: Iterable[Listener], holders: Collection[Holder]) -> list[Listener]:
    """Those that are none of the holders'. Where a holder's descriptors are hidden, its account stands for it."""
    held = {inode for one in holders for inode in one.sockets or ()}
    hidden = {one.uid for one in holders if one.sockets is None}
    return [one for one in listeners if one.inode not in held and one.uid not in hidden]


def owner_of(host: str, port: int, server: Identity) -> Owner:
    """Who answers there. Blocks for some milliseconds. Raises OSError where the kernel cannot be asked."""
    listeners = reached(host, read_listeners(port))
    if not listeners:
        return Owner.NOBODY
    family = _holders({server, *descendants(server.pid)})
    if not (left := strangers(listeners, family)) or not strangers(left, _holders(_session_of(server))):
        return Owner.SERVER
    return Owner.STRANGER if is_alive(server) else Owner.NOBODY  # of who has ended nothing can be told here


def owner_after(host: str, port: int, session: int) -> Owner:
    """The same of a server that has ended: what it has left behind is known by its session alone."""
    listeners = reached(host, read_listeners(port))
    if not listeners:
        return Owner.NOBODY
    return Owner.STRANGER if strangers(listeners, _holders(session_members(session))) else Owner.SERVER


def _session_of(server: Identity) -> set[Identity]:
    """The members of the session that the server is in now: the one it began in may have ended."""
    stat = read_stat(server.pid)
    return set() if stat is None or stat.start != server.start else session_members(stat.session)


def _holders(processes: Iterable[Identity]) -> list[Holder]:
    looked = [(process, _look(process.pid)) for process in processes]
    return [holder for process, holder in looked if holder is not None and is_alive(process)]


def _look(pid: int) -> Holder | None:
    """None if it has ended."""
    try:
        found = _UID.search(Path(f"/proc/{pid}/status").read_text())
        return None if found is None else Holder(int(found[1]), _sockets(pid))
    except (FileNotFoundError, ProcessLookupError):
        return None


def _sockets(pid: int) -> frozenset[int] | None:
    """None if this hub may not see them: another account's processes show them to who may trace them alone."""
    inodes: set[int] = set()
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            if found := _SOCKET.fullmatch(_link(f"/proc/{pid}/fd/{name}")):
                inodes.add(int(found[1]))
    except PermissionError:
        return None
    return frozenset(inodes)


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except FileNotFoundError:
        return ""  # closed meanwhile
