"""`callboard import`: JupyterHub's database into a new log."""

from __future__ import annotations

import json
from pathlib import Path

import click

from web.commands.failure import Failure
from web.commands.moving.moves import as_object, moved_in, table, tried
from web.commands.where import Where, about_a_log


@click.command(name="import", short_help="Move in from JupyterHub: its database into a new log.")
@click.argument("database", metavar="FILE|URL")
@click.option("--dry-run", is_flag=True, help="Only say what would come, what would not, and why.")
@click.option(
    "--others-are-no-hub", is_flag=True, help="Read it though others have it open: no hub is among them."
)
@click.option("--json", "as_json", is_flag=True, help="Say what came as a JSON object.")
@about_a_log
def import_(where: Where, database: str, dry_run: bool, others_are_no_hub: bool, as_json: bool) -> None:
    """Move in from JupyterHub: its database (2.x to 6.x), a SQLite file or a URL as c.JupyterHub.db_url has them.

    Users, groups, roles, services, tokens, shares, logins and what they refer to come into a new log; servers that run
    are taken in where their spawner can. That database is only read. Stop JupyterHub first, and leave its proxy and its
    servers running (c.JupyterHub.cleanup_servers = False, cleanup_proxy = False). An import that is killed goes on when
    it is called again.

    \b
    callboard import -f jupyterhub_config.py --dry-run jupyterhub.sqlite
    callboard import -f jupyterhub_config.py jupyterhub.sqlite
    callboard import postgresql://hub@db.example.org/jupyterhub
    """
    from web.moving.in_use import who_uses
    from web.moving.source import open_source

    with open_source(database) as source:
        users = "" if others_are_no_hub else who_uses(source)
        if users:
            raise Failure(f"{source.name} is open in {users}: stop that hub first. Nothing was moved in.")
        if source.file is not None and source.file.resolve() == Path(where.log).resolve():
            raise Failure(f"{where.log} is JupyterHub's database: name another file for the log (--db FILE).")
        tally, notes = tried(where, source) if dry_run else moved_in(where, source)
    if as_json:
        click.echo(json.dumps(as_object(tally, notes)))
    else:
        for line in (*table(tally), *notes):
            click.echo(line)
        if not dry_run:
            click.echo(f"All of that is in {where.log} now. Start the hub: callboard -f FILE.", err=True)
