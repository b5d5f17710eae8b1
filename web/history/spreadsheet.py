"""Cells of CSV files, which people open in spreadsheets: there a name that begins like a formula is one."""

from __future__ import annotations

from typing import Any

_BEGIN_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def cell(value: Any) -> Any:
    """As it is, but for a text that would be a formula: that has an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_BEGIN_FORMULAS) else value
