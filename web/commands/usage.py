"""`callboard usage`: who has used how much, from the log, whether a hub runs or not."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from web.commands.moments import Moment
from web.commands.where import Where, about_a_log, need_current_tables

if TYPE_CHECKING:
    from core.events.log.tables import Tables
    from web.history.usage import Kind, Sums, Use

KINDS = ("user", "server", "profile", "group")


@click.command()
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
    from core.events.file.database import open_to_look

    now = datetime.now(UTC)
    end = min(until or now, now)
    begin = since or end.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    if begin >= end:
        raise click.UsageError("--since is not before --until")
    db = open_to_look(where.log)
    try:
        need_current_tables(db)
        sums = _summed_up(db, kind, begin, end)
    finally:
        db.close()
    if as_json:
        _print_json(sums, kind, begin, end)
    elif as_csv:
        _print_csv(sums.items())
    else:
        _print_table(kind, [*sums.items(), sums.total()])


def _summed_up(db: Tables, kind: Kind, begin: datetime, end: datetime) -> Sums:
    from projections.usage import in_use, microseconds
    from web.history.usage import Naming, Sums

    since, until = microseconds(begin), microseconds(end)
    naming = Naming(db)
    sums = Sums(since, until, lambda attempt: list(naming.names(kind, attempt)))
    for attempts in in_use(db, since, until):
        for attempt in attempts:
            sums.add(attempt)
    return sums


def _print_json(sums: Sums, kind: Kind, begin: datetime, end: datetime) -> None:
    import msgspec

    from core.events.record import utc_text
    from web.history.usage import Usage

    found = Usage(utc_text(begin), utc_text(end), kind, sums.items(), sums.total())
    click.echo(msgspec.json.encode(found))


def _print_csv(items: Sequence[Use]) -> None:
    from msgspec.structs import astuple

    from web.history.usage import Use

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(Use.__struct_fields__)
    writer.writerows(map(astuple, items))


def _print_table(kind: str, items: Sequence[Use]) -> None:
    """The last line is the total."""
    names = [*(one.name or "-" for one in items[:-1]), "all"]
    width = max(len(name) for name in [*names, kind])
    click.echo(f"{kind:<{width}}  {'hours':>10}  {'starts':>7}  {'failed':>7}  {'median':>8}  {'95%':>8}")
    for name, one in zip(names, items, strict=True):
        times = f"{_seconds(one.median):>8}  {_seconds(one.slow):>8}"
        click.echo(f"{name:<{width}}  {one.hours:>10.2f}  {one.starts:>7}  {one.failed:>7}  {times}")


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"
