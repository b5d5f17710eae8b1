"""`callboard reload`: the running hub reads its configuration anew."""

from __future__ import annotations

import json

import click

from web.commands.failure import Failure
from web.commands.where import Where, about_a_log


@click.command(short_help="Have the running hub read its configuration anew.")
@click.option("--json", "as_json", is_flag=True, help="Say it as a JSON object.")
@about_a_log
def reload(where: Where, as_json: bool) -> None:
    """Have the running hub read its configuration anew, and say what has changed.

    Servers and users notice nothing. A configuration that cannot be used changes nothing, and the exit code is 1.
    SIGHUP does the same, and the hub's own log says what came of it.

    \b
    callboard reload -f /etc/jupyterhub_config.py
    """
    from web.control.channel import NoHubError, RefusedError, ask_hub

    try:
        found = ask_hub(where.log, "reload")
    except (NoHubError, RefusedError) as error:
        raise Failure(str(error)) from None
    if as_json:
        click.echo(json.dumps(found))
        return
    click.echo(f"changed: {', '.join(found['changed']) or 'nothing'}")
    if found["waiting"]:
        click.echo(f"only with a restart of the hub: {', '.join(found['waiting'])}")
    for note in found["notes"]:
        text = f" ({note['text']})" if note["text"] else ""
        click.echo(f"{note['origin']}: {note['name']}: {note['kind']}{text}", err=True)
