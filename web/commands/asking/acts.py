"""`callboard start` and `callboard stop`: one server, from beginning to end."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from web.commands.asking import completion
from web.commands.asking.names import Named, ServerName, told
from web.commands.asking.table import print_json
from web.commands.asking.which import asks_a_hub, public_origin

if TYPE_CHECKING:
    from web.client.models import Progress
    from web.client.plain import Hub

TIMEOUT = 600.0
SHOWN_LINES = 10


@click.command(short_help="Start a server, tell how it goes, and print its URL.")
@click.argument("server", type=ServerName(), metavar="USER[/SERVER]", shell_complete=completion.servers)
@click.option("-o", "--option", "given", multiple=True, metavar="NAME=VALUE", help="An option of the start.")
@click.option("--no-wait", is_flag=True, help="Ask for it, and leave.")
@click.option("--timeout", default=TIMEOUT, show_default=True, help="Seconds to wait until it is ready.")
@asks_a_hub
def start(
    hub: Hub, server: Named, given: tuple[str, ...], no_wait: bool, timeout: float, as_json: bool
) -> None:
    """Start a server, tell how it goes, and print its URL when it is ready.

    A VALUE that is JSON is taken as such, and else as text. One that runs already is left alone.

    \b
    callboard start alice
    callboard start alice/lab -o profile=gpu -o cores=4
    """
    user, name = server
    options = _options(given)
    with _last_lines_of(hub, user, name):
        if not _is_under_way(hub, user, name):
            hub.start(user, name, options=options, at_once=True)
        if no_wait:
            return
        found = hub.wait_ready(user, name, timeout=timeout, on_event=None if as_json else _tell)
    print_json(found) if as_json else click.echo(found.full_url or f"{public_origin()}{found.url}")


@click.command()
@click.argument(
    "server", type=ServerName(), metavar="USER[/SERVER]", shell_complete=completion.running_servers
)
@click.option("--remove", is_flag=True, help="Remove the named server altogether.")
@click.option("--no-wait", is_flag=True, help="Ask for it, and leave.")
@click.option("--timeout", default=TIMEOUT, show_default=True, help="Seconds to wait until it has stopped.")
@asks_a_hub
def stop(hub: Hub, server: Named, remove: bool, no_wait: bool, timeout: float, as_json: bool) -> None:
    """Stop a server, and return when it has stopped.

    \b
    callboard stop alice
    callboard stop alice/lab --remove
    """
    user, name = server
    is_over = hub.stop(user, name, remove=remove)
    if not (is_over or no_wait):
        hub.wait_stopped(user, name, timeout=timeout, on_event=None if as_json else _tell)
    if as_json:
        print_json({"user": user, "server": name, "stopped": is_over or not no_wait})
    elif is_over or not no_wait:
        sys.stderr.write(f"{told(user, name)} is stopped\n")


@contextmanager
def _last_lines_of(hub: Hub, user: str, name: str) -> Iterator[None]:
    """What a server has written last, where its start fails: the reason is often there, and nowhere else."""
    from web.client.errors import HubError, StartFailedError

    try:
        yield
    except StartFailedError:
        with suppress(HubError):
            for line in hub.logs(user, name).logs[-SHOWN_LINES:]:
                sys.stderr.write(f"  | {line}\n")
        raise


def _is_under_way(hub: Hub, user: str, name: str) -> bool:
    """Whether it runs, or is starting; a named server need not be there yet."""
    from web.client.errors import RefusedError

    try:
        found = hub.server(user, name)
    except RefusedError as refused:
        if refused.status == 404:
            return False
        raise
    return found.ready or found.pending == "spawn"


def _tell(said: Progress) -> None:
    """On standard error, so that the URL alone is what a script reads. A failure is said once, at the end."""
    if said.message and not said.failed:
        share = f"{said.progress:3.0f} % " if said.progress is not None else "      "
        sys.stderr.write(f"{share} {said.message}\n")


def _options(given: tuple[str, ...]) -> dict[str, Any] | None:
    if not given:
        return None
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="-o")
        found[name] = _value(value)
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
