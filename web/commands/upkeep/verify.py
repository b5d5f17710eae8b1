"""`callboard verify`: whether a log is what was recorded, and its tables what it says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import click

from web.commands.failure import UnsoundError
from web.commands.long_work import long_work
from web.commands.where import Where, about_a_log

if TYPE_CHECKING:
    from core.events.file.verify import Head
    from core.events.log.tables import Tables

SHOWN = 20  # rows that differ, at most


class Found(NamedTuple):
    """`problems`: one line each; none in a log that is sound."""

    head: Head | None
    problems: list[str]
    heads: int
    waiting: list[str]


@click.command(short_help="Check that the log is whole and unchanged.")
@click.option(
    "--head", "heads", multiple=True, metavar="POSITION:DIGEST", help="A head that the log once had."
)
@click.option("--json", "as_json", is_flag=True, help="Say it as a JSON object.")
@about_a_log
def verify(where: Where, heads: tuple[str, ...], as_json: bool) -> None:
    """Check the log: every digest, position, version and time, and that all tables are what the log says.

    It may be run while the hub is at work. Heads that backups and orderly ends have written down beside the log are
    checked too, so that a tail that was cut off is missed. Exit codes: 0 sound, 3 not sound, 1 could not be checked.

    \b
    callboard verify
    callboard verify --head 1042:9f2c...
    callboard verify --db backup.sqlite
    """
    from core.events.file.verify import parse_head

    try:
        noted = [parse_head(head) for head in heads]
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    found = examined(where.log, noted)
    if as_json:
        head = None if found.head is None else found.head._asdict()
        click.echo(json.dumps({"sound": not found.problems, "head": head, "problems": found.problems}))
    else:
        _say(where.log, found)
    if found.problems:
        raise UnsoundError


def examined(log: str, noted: list[Head]) -> Found:
    """`noted`: heads besides those beside the log. Raises DatabaseError for what is no log of ours, or unreadable."""
    from core.events.file.database import DatabaseError, open_to_look
    from core.events.file.heads import head_of, noted_heads
    from core.events.file.verify import BrokenLogError, UnreadableLogError
    from core.events.file.verify import verify as verify_log

    connection = open_to_look(log)
    try:
        try:
            noted = [*noted, *noted_heads(log)]
            with long_work("events", head_of(connection).position) as on_progress:
                head = verify_log(log, *noted, on_progress=on_progress)
        except (BrokenLogError, ValueError) as error:
            return Found(None, [str(error)], len(noted), [])
        except UnreadableLogError as error:
            raise DatabaseError(str(error)) from None
        problems, waiting = _tables(connection)
        return Found(head, problems, len(noted), waiting)
    finally:
        connection.close()


def _tables(connection: Tables) -> tuple[list[str], list[str]]:
    """What differs, and the projections that the next start of a hub makes anew anyway."""
    import projections
    from core.errors import HubError
    from core.events.file.heads import head_of
    from projections.rebuild import drift, up_to_date

    connection.execute("BEGIN")  # one moment of a log that may be in use
    try:
        current = up_to_date(connection, projections.ALL)
        waiting = [one.NAME for one in projections.ALL if one not in current]
        with long_work("tables", head_of(connection).position) as on_progress:
            differing = drift(connection, current, on_progress)
    except HubError as error:
        return [f"The log cannot be folded: {error}"], []
    finally:
        connection.execute("ROLLBACK")
    problems = [f"A table is not what the log says: {line}" for line in differing[:SHOWN]]
    if len(differing) > SHOWN:
        problems.append(f"... and {len(differing) - SHOWN} rows more. `callboard rebuild` makes them anew.")
    return problems, waiting


def _say(log: str, found: Found) -> None:
    for problem in found.problems:
        click.echo(f"{log}: {problem}", err=True)
    if found.waiting:
        click.echo(f"not looked at, for a newer hub makes them anew: {', '.join(found.waiting)}")
    if found.head and not found.problems:
        click.echo(f"{log} is sound: events: {found.head.position}, heads noted earlier: {found.heads}")
        click.echo(f"head {found.head}")
