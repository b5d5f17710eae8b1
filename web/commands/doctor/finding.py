"""What was found, and what to do about it."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

State = Literal["ok", "warning", "problem"]


class Finding(Struct, frozen=True):
    """`area`: what it is about. A hub runs in spite of a warning, and not, or not well, with a problem."""

    area: str
    state: State
    text: str
    hint: str = ""


def ok(area: str, text: str) -> Finding:
    return Finding(area, "ok", text)


def warning(area: str, text: str, hint: str = "") -> Finding:
    return Finding(area, "warning", text, hint)


def problem(area: str, text: str, hint: str = "") -> Finding:
    return Finding(area, "problem", text, hint)
