"""What a server writes: a file that is only ever appended to, of which the end is kept.

Writers never wait for the hub and never notice it. Once too much is kept, the hub gives the beginning back
to the disk as a hole: offsets stay as they are, and no writer can be in the way.
"""

from __future__ import annotations

import ctypes
import errno
import os

KEPT = 2**20
SLACK = 2**20  # so much more may gather before the beginning is dropped
LAST_LINES = 100
LINE_LENGTH = 1000  # characters; the rest of a longer line is cut off
_TAIL = 2**18

_KEEP_SIZE, _PUNCH_HOLE = 0x01, 0x02  # of <linux/falloc.h>
_BLOCK = 4096


def open_for_writing(path: str, owner: tuple[int, int] | None) -> int:
    """A descriptor for the server. `owner`: the user and group that will write, if not the hub's own."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    if owner is not None:
        os.fchown(descriptor, *owner)  # programs that open /dev/stdout open this file anew
    return descriptor


def size(path: str) -> int:
    """In bytes, all that was ever written; 0 if there is no such file."""
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def trim(path: str) -> None:
    """Drop the beginning if more is on disk than should be kept."""
    try:
        status = os.stat(path)
        if status.st_blocks * 512 <= KEPT + SLACK or status.st_size <= KEPT:
            return
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not _punch_hole(descriptor, (status.st_size - KEPT) // _BLOCK * _BLOCK):
            _begin_again(descriptor)
    finally:
        os.close(descriptor)


def _punch_hole(descriptor: int, length: int) -> bool:
    """False where the file system has no holes."""
    libc = ctypes.CDLL(None, use_errno=True)
    offset_type = ctypes.c_int64
    try:
        fallocate = libc.fallocate64
    except AttributeError:  # musl: off_t has 64 bits anyway
        fallocate = libc.fallocate
    fallocate.argtypes = [ctypes.c_int, ctypes.c_int, offset_type, offset_type]
    if fallocate(descriptor, _KEEP_SIZE | _PUNCH_HOLE, 0, length) == 0:
        return True
    if ctypes.get_errno() in (errno.EOPNOTSUPP, errno.ENOSYS):
        return False
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _begin_again(descriptor: int) -> None:
    """Keep the end, without holes: what is written at this very moment may get lost or out of order."""
    end = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, KEPT // 2, max(end - KEPT // 2, 0))
    os.ftruncate(descriptor, 0)
    os.write(descriptor, tail)


def read(path: str, offset: int, at_most: int = 2**16) -> tuple[bytes, int]:
    """What stands there and the offset behind it. Begins where something is kept; b"" if nothing is new."""
    try:
        with open(path, "rb", buffering=0) as file:
            end = os.fstat(file.fileno()).st_size
            begin = offset if offset <= end else 0  # began again meanwhile
            try:
                begin = os.lseek(file.fileno(), begin, os.SEEK_DATA)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                return b"", end  # nothing but a hole, or nothing at all
            data = os.pread(file.fileno(), at_most, begin)
            return data, begin + len(data)
    except FileNotFoundError:
        return b"", 0


def last_lines(path: str) -> list[str]:
    """At most 100; a line that the beginning was cut from is left out."""
    begin = max(size(path) - _TAIL, 0)
    data, _ = read(path, begin, _TAIL)
    lines = data.replace(b"\0", b"").decode("utf-8", "replace").split("\n")
    if begin > 0 and len(lines) > 1:
        del lines[0]
    if lines and not lines[-1]:
        del lines[-1]
    return [line.rstrip("\r")[:LINE_LENGTH] for line in lines[-LAST_LINES:]]
