"""A block of commands and what they print: `$ ` begins a command, all up to the next is its output.

A command goes on in the next line after a backslash. `...` in the output stands for anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_SERVES = re.compile(r"callboard( run)?( -\S+( [\w./-]+(?= |$))?)*")
_SHOWS = re.compile(r"--(show-config|generate-config|version|help)")


class Command(NamedTuple):
    """`output`: as shown; None where nothing is."""

    words: str
    output: str | None

    @property
    def serves(self) -> bool:
        """Whether it is a hub, which does not end by itself."""
        return _SERVES.fullmatch(self.words) is not None and not _SHOWS.search(self.words)

    def agrees(self, printed: str) -> bool:
        if self.output is None:
            return True
        parts = (re.escape(part) for part in _tidy(self.output).split("..."))
        return re.fullmatch(".*?".join(parts), _tidy(printed), re.DOTALL) is not None


def commands(text: str) -> Iterator[Command]:
    lines = text.splitlines()
    assert not lines or lines[0].startswith("$ "), "a block of commands begins with one"
    while lines:
        words = [lines.pop(0).removeprefix("$ ")]
        while words[-1].endswith("\\"):
            words.append(lines.pop(0))
        output = []
        while lines and not lines[0].startswith("$ "):
            output.append(lines.pop(0))
        yield Command("\n".join(words), "\n".join(output) if any(output) else None)


def _tidy(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
