"""`callboard token`: a token for a user, made by whoever may write the log."""

from __future__ import annotations

import getpass
import json
import time

import click

from web.commands.asking import completion
from web.commands.failure import Failure, UnknownWordError
from web.commands.where import Where, about_a_log

TIMEOUT = 10.0  # seconds in which a hub that starts or ends may make up its mind
PAUSE = 0.1


@click.command(short_help="Make a token for a user, and print it.")
@click.argument("names", nargs=-1, metavar="[NAME]", shell_complete=completion.users)
@click.option("--json", "as_json", is_flag=True, help="Print an object with the name and the token.")
@about_a_log
def token(where: Where, names: tuple[str, ...], as_json: bool) -> None:
    """Make a token for the user NAME (your own name by default) and print it, and nothing else.

    It may do all that the user may, and does not expire. It works while the hub runs, and while it does not.

    \b
    callboard token alice
    TOKEN=$(callboard token -f /etc/jupyterhub_config.py admin)
    """
    if len(names) > 1:
        raise UnknownWordError("One name at most.")
    name = names[0] if names else getpass.getuser()
    made = issued(where, name)
    click.echo(json.dumps({"name": name, "token": made}) if as_json else made)


def issued(where: Where, name: str) -> str:
    """By the hub that runs on the log, or without one. Raises Failure, ConfigError, HubError, DatabaseError."""
    from web.control.channel import NoHubError, RefusedError, ask_hub

    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            return str(ask_hub(where.log, "token", name=name))
        except RefusedError as error:
            raise Failure(str(error)) from None
        except NoHubError:
            from core.events.file.database import LogInUseError
            from web.control.offline import issue_token
        try:
            return issue_token(where.log, where.settings, name)
        except LogInUseError:  # it is just starting, or ending
            if time.monotonic() >= deadline:
                raise Failure(f"The hub that runs on {where.log} does not answer.") from None
        time.sleep(PAUSE)
