"""`callboard usage`: who has used how much, from the log, whether a hub runs or not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from web.commands.asking.table import print_table
from web.commands.past.moments import Moment
from web.commands.where import Where, about_a_log, need_current_tables

if TYPE_CHECKING:
    from core.events.log.tables import Tables
    from web.history.usage import Kind, Usage
    from web.history.use import Use

KINDS = ("user", "server", "profile", "group")


@click.command(short_help="Print who has used how much.")
@click.option(
    "--by", "kind", type=click.Choice(KINDS), default="user", show_default=True, help="Summed up by."
)
@click.option(
    "--since", type=Moment(), help="From this time on: 2026-05-04, 09:03, 4w (ago). Default: this month."
)
@click.option("--until", type=Moment(), help="Up to this time. Default: now.")
@click.option("--csv", "as_csv", is_flag=True, help="CSV with a header.")
@click.option("--json", "as_json", is_flag=True, help="An object with all of it.")
@about_a_log
def usage(
    where: Where, kind: Kind, since: datetime | None, until: datetime | None, as_csv: bool, as_json: bool
) -> None:
    """Print who has used how much: hours in which servers were ready, starts, and how long they took.

    Users and servers have their present names, or their last if they are gone. Who is in a group counts by who is now.

    \b
    callboard usage
    callboard usage --by group --since 2026-04-01 --until 2026-05-01
    callboard usage --by server --since 1w --csv
    """
    import msgspec

    from core.events.file.database import open_to_look
    from projections.usage.attempt import month_of
    from web.history.usage import as_csv as to_csv

    now = datetime.now(UTC)
    end = min(until or now, now)
    begin = since or month_of(end)
    if begin >= end:
        raise click.UsageError("--since is not before --until")
    db = open_to_look(where.log)
    try:
        need_current_tables(db)
        found = _summed_up(db, kind, begin, end, now)
    finally:
        db.close()
    if as_json:
        click.echo(msgspec.json.encode(found))
    elif as_csv:
        click.echo(to_csv(found), nl=False)
    else:
        _print_table(found)


def _summed_up(db: Tables, kind: Kind, begin: datetime, end: datetime, now: datetime) -> Usage:
    from web.history.usage import Summing

    summing = Summing(db, kind, begin, end, now)
    for _ in summing.steps():
        pass
    return summing.usage()


def _print_table(found: Usage) -> None:
    """The last line is the total."""
    rows = [_row(one.name or "-", one) for one in found.items]
    print_table((found.by, "hours", "starts", "failed", "median", "95%"), [*rows, _row("all", found.total)])


def _row(name: str, use: Use) -> tuple[str, ...]:
    times = (_seconds(use.median), _seconds(use.slow))
    return name, f"{use.hours:.2f}", str(use.starts), str(use.failed), *times


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"
