"""On which kind of file system a file is."""

from __future__ import annotations

import os
from pathlib import Path

COPY_ON_WRITE = frozenset({"bcachefs", "btrfs", "nilfs2", "zfs"})  # to write over a block takes another one

MOUNTS = Path("/proc/self/mountinfo")


def is_copy_on_write(path: str) -> bool:
    return file_system(path) in COPY_ON_WRITE


def file_system(path: str) -> str:
    """Such as `ext4`; empty where that is not known."""
    try:
        mounts = MOUNTS.read_text()
    except OSError:
        return ""
    real, found, kind = os.path.realpath(path), "", ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        place = _unescaped(before.split()[4])
        if len(place) >= len(found) and (real == place or real.startswith(f"{place.rstrip('/')}/")):
            found, kind = place, after.split()[0]
    return kind


def _unescaped(place: str) -> str:
    """Blanks, line breaks and backslashes are written in octal."""
    return place.encode("latin-1", "backslashreplace").decode("unicode_escape")
