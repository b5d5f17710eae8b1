"""What is on disk of one attempt to run a server, and what can be told from it.

    lock       taken by whoever launches the server, then by the launcher and the server themselves
    url        where it was told to listen, written before the launch
    mark       which log it was started for, and where that says so: see core/reconcile/mark.py
    identity   which process it is, written by that process before it becomes the server
    exit       its exit status, written when it has ended; or that it was stopped before it ever ran
    swept      nothing of it is left, its descendants included
    output     what it wrote

Each spawn id has one of these directories. Nothing in it needs to survive a crash of the machine, for nothing
runs after one: a lock is free then, and an identity names its boot.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from contextlib import suppress

from msgspec import Struct

from core.machine.process_identity import Identity, as_line, is_alive, parse_identity
from core.plugins.spawner import Listed

_STOPPED = "stopped"


class Untouched(Struct, frozen=True):
    """No server was ever run."""


class UnderWay(Struct, frozen=True):
    """A launcher is at work: before its server runs, or after it has ended."""

    server_has_ended: bool


class Alive(Struct, frozen=True):
    identity: Identity


class Ended(Struct, frozen=True):
    """`exit_status`: negative for a signal. A server that itself exits with 128 + n looks like signal n."""

    exit_status: int | None = None


AttemptStatus = Untouched | UnderWay | Alive | Ended


class AttemptFiles:
    """Every method may raise OSError."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.output = f"{directory}/output"
        self._lock = f"{directory}/lock"
        self._url = f"{directory}/url"
        self._mark = f"{directory}/mark"
        self._identity = f"{directory}/identity"
        self._exit = f"{directory}/exit"
        self._swept = f"{directory}/swept"

    def stage(self) -> AttemptStatus:
        identity = self.identity()
        if identity is not None and is_alive(identity):
            return Alive(identity)
        exit_line = _read(self._exit)
        if exit_line.endswith("\n"):
            return Ended(_exit_status(exit_line))
        if self._is_locked():
            return UnderWay(server_has_ended=identity is not None)
        if self.has_begun():  # the lock is free, so what is read now is final
            return Ended(_exit_status(_read(self._exit)))
        return Untouched()

    def has_begun(self) -> bool:
        """Whether a server was run or must not be run any more. Final while the lock is held."""
        return os.path.exists(self._identity) or os.path.exists(self._exit)

    def identity(self) -> Identity | None:
        """Of the server; None until it is written, and written whole."""
        line = _read(self._identity)
        if not line.endswith("\n"):
            return None
        try:
            return parse_identity(line)
        except ValueError:
            return None

    def write_identity(self, identity: Identity) -> None:
        """Of a server that no launcher of ours has started."""
        _write(self._identity, as_line(identity))

    def url(self) -> str:
        return _read(self._url)

    def write_url(self, url: str) -> None:
        """Only with the lock held."""
        _write(self._url, url)

    def mark(self) -> str:
        return _read(self._mark)

    def listed(self, spawn_id: str) -> Listed:
        return Listed(spawn_id, self.mark(), self._age())

    def _age(self) -> float | None:
        """Since the server, or else its directory, was made."""
        for path in (self._identity, self.directory):
            with suppress(OSError):
                return max(0.0, time.time() - os.stat(path).st_mtime)
        return None

    def write_mark(self, mark: str) -> None:
        """Only with the lock held."""
        _write(self._mark, mark)

    def create(self) -> None:
        os.makedirs(self.directory, mode=0o700, exist_ok=True)

    def take_lock(self) -> int | None:
        """A descriptor: the lock is held until it and all heirs of it are closed. None if it is taken."""
        descriptor = os.open(self._lock, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if _lock(descriptor, fcntl.LOCK_EX):
            return descriptor
        os.close(descriptor)
        return None

    def bar(self) -> bool:
        """See to it that no server is ever run. False if a launcher holds the lock."""
        descriptor = self.take_lock()
        if descriptor is None:
            return False
        try:
            if not self.has_begun():
                _write(self._exit, f"{_STOPPED}\n")
        finally:
            os.close(descriptor)
        return True

    def exists(self) -> bool:
        return os.path.exists(self.directory)

    def is_swept(self) -> bool:
        return os.path.exists(self._swept)

    def mark_swept(self) -> None:
        _write(self._swept, "")

    def remove(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)

    def _is_locked(self) -> bool:
        try:
            descriptor = os.open(self._lock, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            return not _lock(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(path: str) -> str:
    """An empty text if there is no such file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return ""
    try:
        return os.read(descriptor, 4096).decode("ascii", "replace")
    finally:
        os.close(descriptor)


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, text.encode("ascii"))
    finally:
        os.close(descriptor)


def _exit_status(line: str) -> int | None:
    text = line.strip()
    if not text.isdecimal():
        return None
    status = int(text)
    return 128 - status if 128 < status <= 128 + 64 else status
