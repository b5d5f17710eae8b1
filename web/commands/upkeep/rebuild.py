"""`callboard rebuild`: the tables anew, from the log alone."""

from __future__ import annotations

import json

import click

from web.commands.long_work import long_work
from web.commands.where import Where, about_a_log


@click.command(short_help="Drop all tables and fold them afresh from the log.")
@click.option("--json", "as_json", is_flag=True, help="Say it as a JSON object.")
@about_a_log
def rebuild(where: Where, as_json: bool) -> None:
    """Drop all tables and fold them afresh from the log, which itself stays as it is. Refuses while a hub runs.

    \b
    callboard rebuild
    """
    import projections
    from core.events.file.database import LogLock, open_log, open_to_look
    from core.events.file.heads import head_of
    from projections.rebuild import rebuild as rebuild_tables

    open_to_look(where.log).close()
    lock = LogLock(where.log)
    try:
        log = open_log(where.log)
        try:
            with long_work("events", head_of(log).position) as on_progress:
                count = rebuild_tables(log, projections.ALL, on_progress)
        finally:
            log.close()
    finally:
        lock.release()
    click.echo(json.dumps({"events": count}) if as_json else f"rebuilt from {count} events")
