"""`callboard backup`: a copy of the log, also while the hub is at work."""

from __future__ import annotations

import json

import click

from web.commands.long_work import long_work
from web.commands.where import Where, about_a_log


@click.command(short_help="Copy the log as it is now; the hub goes on meanwhile.")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@click.option("--json", "as_json", is_flag=True, help="Say its head as a JSON object.")
@about_a_log
def backup(where: Where, file: str, force: bool, as_json: bool) -> None:
    """Copy the log as it is at this moment to FILE; the hub goes on meanwhile.

    The head of the copy is printed, and written down in FILE.heads and beside the log: `callboard verify` finds by it
    if the end of either was cut off. The secret file (jupyterhub_cookie_secret) is not in the copy: keep one of it too.

    \b
    callboard backup /backups/$(date +%F).sqlite
    """
    from core.events.file.backup import back_up

    with long_work("copying", 100) as on_progress:
        head = back_up(where.log, file, replace=force, on_progress=on_progress)
    if as_json:
        click.echo(json.dumps({"file": file, "head": head._asdict()}))
    else:
        click.echo(f"{file}: {head.position} events\nhead {head}")
