"""Numbers as clients write them into headers, forms and queries."""

from __future__ import annotations

MOST_DIGITS = 18  # what SQLite's integers hold, whatever the digits are


def whole_number(text: str) -> int | None:
    """What 1 to 18 ASCII digits say; None for any other text."""
    if len(text) <= MOST_DIGITS and text.isascii() and text.isdigit():
        return int(text)
    return None
