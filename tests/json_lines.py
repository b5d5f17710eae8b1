"""A log in a plain file: one batch a line, as JSON. The hub reads in an SQLite file beside it, or in memory."""

from __future__ import annotations

import os
from collections.abc import Sequence

import msgspec

from core.events.file.place import LogLostError
from core.events.log.protocol import Batch


class JsonLines:
    """Whoever opens the same file later, and appends first, fences this one off."""

    def __init__(self, path: str) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._file = os.fdopen(descriptor, "r+b", buffering=0)
        self._ends = [0]  # of the lines: where batch `n` begins is `_ends[n - 1]`

    def append(self, batch: Batch) -> None:
        self._look()
        if batch.number != len(self._ends):
            raise LogLostError(f"batch {len(self._ends)} of the log was written by another hub")
        end = self._ends[-1]
        self._file.truncate(end)  # a line that a crash has cut short
        line = msgspec.json.encode(batch) + b"\n"
        written = 0
        while written < len(line):
            written += os.pwrite(self._file.fileno(), line[written:], end + written)
        os.fdatasync(self._file.fileno())
        self._ends.append(end + len(line))

    def read(self, after: int, count: int) -> Sequence[Batch]:
        self._look()
        ends = self._ends[after : after + count + 1]
        text = os.pread(self._file.fileno(), ends[-1] - ends[0], ends[0]) if ends else b""
        return [msgspec.json.decode(line, type=Batch) for line in text.splitlines()]

    def close(self) -> None:
        self._file.close()

    def _look(self) -> None:
        """Take in the whole lines that were added since, by whomever."""
        begin = self._ends[-1]
        text = os.pread(self._file.fileno(), os.fstat(self._file.fileno()).st_size - begin, begin)
        for line in text.splitlines(keepends=True):
            if line.endswith(b"\n"):
                self._ends.append(self._ends[-1] + len(line))
