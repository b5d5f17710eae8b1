"""Tables on a terminal, and the same as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from web.commands.printable import printable


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], none: str = "nothing") -> None:
    """Columns as wide as what is in them; the last one is not padded. `none`: said on standard error instead."""
    if not rows:
        click.echo(none, err=True)
        return
    found = [[*map(printable, row)] for row in (columns, *rows)]
    widths = [max(len(row[number]) for row in found) for number in range(len(columns))]
    for row in found:
        padded = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        click.echo("  ".join(padded).rstrip())


def print_json(value: Any) -> None:
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(value)).decode())


def ago(moment: datetime | None) -> str:
    """How long ago, in the largest unit that says something."""
    if moment is None:
        return "-"
    seconds = int((datetime.now(UTC) - moment).total_seconds())
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit} ago"
    return "just now"
