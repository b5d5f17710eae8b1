"""What people have written, as a terminal may be given it: names and notes can hold what would move its cursor."""

from __future__ import annotations


def printable(text: str) -> str:
    """With everything that has no picture of its own as Python would write it in a literal (`\\x1b`)."""
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
