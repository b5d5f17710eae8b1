"""`callboard status`: how a hub is, in a few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from web.commands.asking.table import print_json
from web.commands.asking.which import asks_a_hub, public_origin

if TYPE_CHECKING:
    from web.client.plain import Hub


@click.command(short_help="Print what the hub runs, how many users, and its troubles.")
@asks_a_hub
def status(hub: Hub, as_json: bool) -> None:
    """Print how the hub is: what it runs, how many users and servers there are, and whatever it complains of.

    \b
    callboard status
    callboard status --url https://hub.example
    """
    info = _json(hub, "/info")
    found = {
        "callboard": info["callboard_version"],
        "api": f"JupyterHub {info['version']}",
        "address": public_origin(),
        "spawner": info["spawner"]["class"],
        "authenticator": info["authenticator"]["class"],
        "users": _count(hub, "/users"),
        "users with servers": _count(hub, "/users", state="active"),
        "groups": _count(hub, "/groups"),
        "troubles": _troubles(hub),
    }
    if as_json:
        print_json({name.replace(" ", "_"): value for name, value in found.items()})
        return
    for name, value in found.items():
        text = "; ".join(value) or "none" if isinstance(value, list) else value
        click.echo(f"{name:<19} {text}")


def _json(hub: Hub, path: str) -> Any:
    from msgspec import json

    return json.decode(hub.request("GET", path).body)


def _count(hub: Hub, path: str, **query: str) -> int:
    from msgspec import json

    from web.client.steps import PAGES, ask

    answer = hub.take(ask("GET", path, accept=PAGES, query={"limit": 1, **query}))
    return int(json.decode(answer.body)["_pagination"]["total"])


def _troubles(hub: Hub) -> list[str]:
    """What is not well, in the hub's words."""
    return hub.request("GET", "/health").body.decode().splitlines()
