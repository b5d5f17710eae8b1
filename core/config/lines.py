"""On which line of a file a trait is set."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

_TABLE = re.compile(r"\s*\[(\w+)\]")
_KEY = re.compile(r"\s*(\w+)\s*=")


def lines_of(file: Path) -> dict[tuple[str, str], int]:
    """By class and trait, the last line that sets it; what is set in a roundabout way is missing."""
    try:
        text = file.read_text(encoding="utf-8")
        return dict(_of_toml(text) if file.suffix == ".toml" else _of_python(text))
    except (OSError, UnicodeDecodeError, SyntaxError):
        return {}


def _of_python(text: str) -> Iterator[tuple[tuple[str, str], int]]:
    """`c.Class.trait`, wherever it stands: it may be assigned to, added to, or changed in place."""
    found = [
        ((node.value.attr, node.attr), node.lineno)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Attribute)
        and isinstance(node.value.value, ast.Name)
    ]
    yield from sorted(found, key=lambda one: one[1])


def _of_toml(text: str) -> Iterator[tuple[tuple[str, str], int]]:
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        if table := _TABLE.match(line):
            section = table[1]
        elif key := _KEY.match(line):
            yield (section, key[1]), number
