"""`callboard explain`: why somebody may do something, or may not."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from web.commands.asking import completion
from web.commands.asking.table import print_json
from web.commands.asking.which import asks_a_hub

if TYPE_CHECKING:
    from web.client.plain import Hub

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@click.command(short_help="Say whether somebody may do something, and why.")
@click.argument("who", shell_complete=completion.principals)
@click.argument("method", type=click.Choice(METHODS, case_sensitive=False))
@click.argument("path")
@asks_a_hub
def explain(hub: Hub, who: str, method: str, path: str, as_json: bool) -> None:
    """Say whether WHO (a user, or service/NAME) may send METHOD to PATH, and through which roles and groups.

    PATH is one of the API, such as /users/alice, or one of the hub's pages, such as /hub/admin.

    \b
    callboard explain bob DELETE /users/alice/server
    callboard explain service/culler GET /users
    """
    from msgspec import json

    kind, slash, name = who.rpartition("/")
    about = {"service": name} if slash and kind == "service" else {"user": who}
    api = urlsplit(hub.api_url).path
    full = path if path.startswith(api.removesuffix("api")) else f"{api}{path}"
    answer = hub.request("POST", "/explain", body={"path": full, "method": method.upper(), **about})
    found = json.decode(answer.body)
    if as_json:
        print_json(found)
        return
    click.echo(found["message"])
    for title in ("through", "elsewhere"):
        for grant in found[title]:
            click.echo(f"  {title}: {grant['scope']} from {grant['source']}")
    if found["missing"]:
        click.echo(f"  missing: {', '.join(found['missing'])}")
