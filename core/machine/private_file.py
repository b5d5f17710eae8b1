"""Files that are their owner's alone, in folders that others may write to as well: begun anew, or written whole."""

from __future__ import annotations

import os
from contextlib import suppress


def begin_private_file(path: str | os.PathLike[str]) -> int:
    """A descriptor to write to. What had this name loses it: a link that somebody put there leads nowhere else.

    Raises OSError.
    """
    with suppress(FileNotFoundError):
        os.unlink(path)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def write_private_file(path: str | os.PathLike[str], content: bytes, *, synced: bool = False) -> None:
    """Whole or not at all, in place of what has this name. `synced`: it outlives a power cut. Raises OSError."""
    draft = f"{os.fspath(path)}.{os.getpid()}-{os.urandom(4).hex()}"
    try:
        with open(begin_private_file(draft), "wb") as file:
            file.write(content)
            if synced:
                file.flush()
                os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError:
        with suppress(OSError):
            os.unlink(draft)
        raise
