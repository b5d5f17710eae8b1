"""Moments and positions as people write them on a command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import click

from core.events.log.tables import Tables

_AGO = re.compile(r"(\d+)\s*(s|sec|min|m|h|d|w)(?:\s+ago)?")
_SECONDS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}


class Moment(click.ParamType[datetime]):
    """`2026-05-04 09:03`, `09:03` (today), `2h` (ago). UTC where no zone is named."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        moment = parse_moment(str(value))
        if moment is None:
            self.fail(f"{value!r} is no time: try 2026-05-04T09:03Z, 09:03 or 2h", param, ctx)
        return moment


def parse_moment(text: str, now: datetime | None = None) -> datetime | None:
    """None for what is no moment."""
    from dateutil.parser import parse

    now = now or datetime.now(UTC)
    try:
        if ago := _AGO.fullmatch(text.strip().lower()):
            return now - timedelta(seconds=int(ago[1]) * _SECONDS[ago[2]])
        moment = parse(text, default=now.replace(hour=0, minute=0, second=0, microsecond=0))
    except (ValueError, OverflowError):
        return None
    return moment.astimezone(UTC)


def parse_position(log: Tables, text: str) -> int:
    """A position as such, or the last one at a moment. Raises click.BadParameter."""
    from core.events.file.reading import head_position, position_at
    from core.events.record import utc_text

    head = head_position(log)
    if text.isdecimal():
        if not 0 <= int(text) <= head:
            raise click.BadParameter(f"the log has {head} events")
        return int(text)
    moment = parse_moment(text)
    if moment is None:
        raise click.BadParameter(
            f"{text!r} is no position, and no time such as 2026-05-04T09:03Z, 09:03 or 2h"
        )
    return position_at(log, utc_text(moment))
