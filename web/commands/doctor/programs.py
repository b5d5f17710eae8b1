"""Whether everybody may run a program: the file, its interpreter, and all folders on the way to both."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

SHEBANG = 256  # bytes of a first line that Linux looks at


def closed_to_others(program: str) -> Path | None:
    """The first of them that is its owner's or group's alone; None: others may run the program."""
    for file in (Path(program), *_interpreter(program)):
        for place in dict.fromkeys((*_way_to(file.absolute()), *_way_to(file.resolve()))):
            if not os.lstat(place).st_mode & stat.S_IXOTH:
                return place
    return None


def _way_to(file: Path) -> Iterator[Path]:
    """From the root down, the file itself at last."""
    yield from reversed(file.parents)
    yield file


def _interpreter(program: str) -> Iterator[Path]:
    with open(program, "rb") as file:
        first = file.read(SHEBANG).split(b"\n")[0]
    if first.startswith(b"#!") and (words := first[2:].split()):
        interpreter = Path(os.fsdecode(words[0]))
        if interpreter.exists():
            yield interpreter
