"""Files that are begun anew and are their owner's alone, in folders that others may write to as well."""

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
