"""Files that people send with a form: on disk as soon as they are large, and only a few of them at a time."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO

import trio

from core.errors import BusyError, UnavailableError

LARGEST = 100 * 2**20  # bytes of a form with files; JupyterHub's
AT_ONCE = 4  # forms larger than other bodies, in the whole hub; one of a user
SECONDS = 600.0  # that one of them may take
PIECE = 256 * 1024  # bytes: so much of a form's files is in memory


class Uploads:
    """Who sends large forms at the moment."""

    def __init__(self) -> None:
        self._users: set[str] = set()

    @contextmanager
    def one_of(self, user_id: str) -> Iterator[None]:
        """Raises BusyError where there are too many."""
        if user_id in self._users:
            raise BusyError("You are sending another large form already. Please wait until it is done.")
        if len(self._users) >= AT_ONCE:
            raise BusyError("Others are sending large forms at the moment. Please try again in a while.")
        self._users.add(user_id)
        try:
            yield
        finally:
            self._users.discard(user_id)


class Spool:
    """The files of one form, one behind the other. The disk is used in threads, and only by more than a piece."""

    def __init__(self) -> None:
        self.size = 0
        self._pending = bytearray()
        self._file: IO[bytes] | None = None

    async def write(self, data: bytes) -> None:
        """Raises UnavailableError."""
        self._pending += data
        self.size += len(data)
        if len(self._pending) >= PIECE:
            await _on_disk(self._flush)

    async def read(self, begin: int, length: int) -> bytes:
        """Raises UnavailableError."""
        if self._file is None:
            return bytes(self._pending[begin : begin + length])
        return await _on_disk(partial(self._read, begin, length))

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _flush(self) -> bytes:
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 -- lives as long as the form
        self._file.seek(0, os.SEEK_END)
        self._file.write(self._pending)
        self._pending.clear()
        return b""

    def _read(self, begin: int, length: int) -> bytes:
        self._flush()
        assert self._file is not None, "it was flushed just now"
        self._file.seek(begin)
        return self._file.read(length)


class Upload:
    """One file: a part of the spool, from `begin` on."""

    def __init__(self, spool: Spool, filename: str, content_type: str) -> None:
        self.filename = filename
        self.content_type = content_type
        self.size = 0
        self._spool = spool
        self._begin = spool.size

    async def write(self, data: bytes) -> None:
        """Raises UnavailableError."""
        await self._spool.write(data)
        self.size += len(data)

    async def read(self) -> bytes:
        """All of it, in memory. Raises UnavailableError."""
        return await self._spool.read(self._begin, self.size)


async def _on_disk(work: Callable[[], bytes]) -> bytes:
    try:
        return await trio.to_thread.run_sync(work)
    except OSError as error:
        raise UnavailableError(f"There is no room for this file at the moment: {error.strerror}.") from error
