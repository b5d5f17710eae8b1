"""`callboard strays`: what runs in the engines of the running hub although no server knows it."""

from __future__ import annotations

import json
from typing import Any

import click

from web.commands.failure import Failure
from web.commands.where import Where, about_a_log

WHOSE = {
    "ours": "of this log",
    "later": "of a later state of this log",
    "foreign": "of another log, or without a true mark",
}


@click.command(short_help="Show what runs although no server knows it.")
@click.option("--json", "as_json", is_flag=True, help="Say it as a JSON object.")
@about_a_log
def strays(where: Where, as_json: bool) -> None:
    """Show what runs although no server knows it, and what becomes of it.

    What this log has started is ended after c.Callboard.stray_grace seconds. All else is left alone.

    \b
    callboard strays
    callboard strays --json
    """
    from web.control.channel import NoHubError, RefusedError, ask_hub

    try:
        found = ask_hub(where.log, "strays")
    except (NoHubError, RefusedError) as error:
        raise Failure(str(error)) from None
    if as_json:
        click.echo(json.dumps(found))
        return
    for engine in found["engines"]:
        if engine["trouble"]:
            click.echo(engine["trouble"], err=True)
    for stray in found["strays"]:
        click.echo(_line(stray))
    if not found["strays"]:
        click.echo("nothing runs that no server knows")


def _line(stray: dict[str, Any]) -> str:
    owner = f"{stray['user']}/{stray['server']}" if stray["user"] is not None else "-"
    age = "" if stray["age"] is None else f", begun {stray['age']:.0f} seconds ago"
    return f"{stray['spawn_id']} in {stray['engine']}: {owner}, {WHOSE[stray['whose']]}{age}; {_fate(stray)}"


def _fate(stray: dict[str, Any]) -> str:
    if stray["ends_in"] is None:
        return "left alone"
    return f"ends in {stray['ends_in']:.0f} seconds" if stray["ends_in"] else "is being ended"
