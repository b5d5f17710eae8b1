"""`callboard log`: what happened, as lines or as JSON."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from core.events.log.tables import Tables
from web.commands.asking import completion
from web.commands.past.moments import Moment
from web.commands.where import Where, about_a_log, need_current_tables, tables_are_current

if TYPE_CHECKING:
    from core.events.record import Record
    from web.history.chosen import Choice

OPERATORS = "command-line/"  # what they do the hub does for them
PAUSE = 0.2  # seconds between looks at a log that is followed

Show = Callable[["Record"], str]


@click.command()
@click.option(
    "--user",
    default="",
    metavar="NAME",
    shell_complete=completion.users,
    help="About this user, their servers and tokens.",
)
@click.option(
    "--server",
    default="",
    metavar="USER/SERVER",
    shell_complete=completion.servers,
    help="About this server; alice/ is alice's default one.",
)
@click.option(
    "--type",
    "types",
    multiple=True,
    metavar="TYPE",
    shell_complete=completion.event_types,
    help="Of this type, such as server.ready or 'user.*'.",
)
@click.option(
    "--principal",
    default="",
    metavar="WHO",
    shell_complete=completion.principals,
    help="Done by: a user, service/NAME, hub, command-line/NAME.",
)
@click.option("--request", default="", metavar="ID", help="What came of the request with this number.")
@click.option("--since", type=Moment(), help="From this time on: 2026-05-04T09:03Z, 09:03, 2h (ago).")
@click.option("--until", type=Moment(), help="Up to this time.")
@click.option("-n", "--last", type=click.IntRange(min=0), metavar="N", help="The last N of them.")
@click.option("--follow", is_flag=True, help="Go on with what happens from now on, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Whole events, one object a line.")
@about_a_log
def log(
    where: Where,
    user: str,
    server: str,
    types: tuple[str, ...],
    principal: str,
    request: str,
    since: datetime | None,
    until: datetime | None,
    last: int | None,
    follow: bool,
    as_json: bool,
) -> None:
    """Print the log, oldest first. A name means whoever has borne it, also who was renamed or has gone. Times are UTC.

    \b
    callboard log --user alice --since 2h
    callboard log --type 'server.*' --server alice/lab --last 20
    callboard log --request 6b0b8c40e691d39baef5
    callboard log --follow --json | jq .event
    """
    from core.events.file.database import open_to_look
    from web.history.chosen import Choice, principals_called, things_called

    _need_known(types)
    db = open_to_look(where.log)
    try:
        if user or server or principal:
            need_current_tables(db)
        things = things_called(db, user, server)
        is_operator = principal.startswith(OPERATORS)
        principals = ("hub",) if is_operator else principals_called(db, principal)
        choice = Choice(things, types, principals, request.strip(), principal if is_operator else "")
        begin, end = _span(db, since, until)
        show = _show(db, as_json=as_json)
        _print(_last(db, choice, begin, end, last), show)
        if follow:
            _follow(db, choice, end, show)
    finally:
        db.close()


def _need_known(types: tuple[str, ...]) -> None:
    """Raises click.UsageError for a type no event is of: to find nothing would look as if nothing had happened."""
    from difflib import get_close_matches
    from fnmatch import fnmatchcase

    from core.events import codec

    for wanted in types:
        if not any(fnmatchcase(tag, wanted) for tag in codec.FIELDS):
            kinds = sorted({f"{tag.partition('.')[0]}.*" for tag in codec.FIELDS})
            is_kind = [kind for kind in kinds if kind == f"{wanted}.*"]
            near = is_kind or get_close_matches(wanted, codec.FIELDS, n=1) or kinds
            raise click.UsageError(f"no event is of type {wanted!r}: try {', '.join(near)}")


def _span(db: Tables, since: datetime | None, until: datetime | None) -> tuple[int, int]:
    """The positions behind which to begin, and with which to end."""
    from core.events.file.reading import head_position, position_at
    from core.events.record import utc_text

    begin = 0 if since is None else position_at(db, utc_text(since), inclusive=False)
    return begin, head_position(db) if until is None else position_at(db, utc_text(until))


def _show(db: Tables, *, as_json: bool) -> Show:
    from web.commands.past.event_line import Lines
    from web.commands.past.event_line import as_json as to_json

    if as_json:
        return lambda record: to_json(record).decode()
    return Lines(db, has_names=tables_are_current(db)).line


def _last(
    db: Tables, choice: Choice, begin: int, end: int, count: int | None
) -> Iterator[Record] | deque[Record]:
    from web.history.chosen import chosen

    found = chosen(db, choice, begin, end)
    return found if count is None else deque(found, maxlen=count)


def _print(records: Iterator[Record] | deque[Record], show: Show) -> None:
    for record in records:
        sys.stdout.write(f"{show(record)}\n")
    sys.stdout.flush()


def _follow(db: Tables, choice: Choice, after: int, show: Show) -> None:
    """Each event once: positions are given in the order of commits, and have no gaps."""
    from core.events.file.reading import head_position
    from web.history.chosen import chosen

    try:
        while True:
            head = head_position(db)
            _print(chosen(db, choice, after, head), show)
            after = max(after, head)
            time.sleep(PAUSE)
    except KeyboardInterrupt:
        return
