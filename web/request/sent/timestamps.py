"""Moments as clients send them."""

from __future__ import annotations

from datetime import UTC, datetime

from dateutil.parser import parse

from core.errors import InvalidError

LONGEST = 100  # characters; dateutil looks at each digit again and again


def parse_timestamp(text: str) -> datetime:
    """Any date text that dateutil understands; without a zone it is UTC. Raises InvalidError."""
    if len(text) > LONGEST:
        raise InvalidError(f"{text[:40]!r}... is not a timestamp.")
    try:
        moment = parse(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidError(f"{text[:40]!r} is not a timestamp.") from None
