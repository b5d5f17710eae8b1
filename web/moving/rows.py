"""Cells of JupyterHub's tables as they are meant: SQLite has texts and numbers where others have moments and truths."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from core.errors import HubError

Row = dict[str, Any]


class MovingError(HubError):
    """Why nothing can be moved in or out, in a line for whoever asked."""


def moment(value: object) -> datetime | None:
    """Stored without a zone, and meant as UTC."""
    if value is None or value == "":
        return None
    found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def json_of(value: object) -> Any:
    """A JSON column; None for one that is empty, or holds what is no JSON."""
    if isinstance(value, bytes | str):
        try:
            return msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
    return value


def object_of(value: object) -> dict[str, Any]:
    found = json_of(value)
    return found if isinstance(found, dict) else {}


def texts_of(value: object) -> list[str]:
    found = json_of(value)
    return [text for text in found if isinstance(text, str)] if isinstance(found, list) else []


def raw(value: object) -> bytes | None:
    return bytes(value) or None if isinstance(value, bytes | bytearray | memoryview) else None


def text(value: object) -> str:
    return "" if value is None else str(value)
