"""`callboard users`, `groups`, `servers` and `shares`: who and what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from web.commands.asking import completion
from web.commands.asking.names import Named, ServerName, told
from web.commands.asking.table import ago, print_json, print_table
from web.commands.asking.which import asks_a_hub

if TYPE_CHECKING:
    from web.client.models import Server, Share
    from web.client.plain import Hub

STATES = ("active", "ready", "inactive")


@click.command()
@click.argument("name_filter", metavar="[TEXT]", default="", shell_complete=completion.users)
@click.option(
    "--state", type=click.Choice(STATES), default=None, help="With servers that run, or without any."
)
@click.option("--add", "is_new", is_flag=True, help="Make a user of this name.")
@asks_a_hub
def users(hub: Hub, name_filter: str, state: str | None, is_new: bool, as_json: bool) -> None:
    """List users, or those whose names have TEXT in them.

    \b
    callboard users
    callboard users --state active ali
    callboard users --add alice
    """
    if is_new:
        hub.create_user(name_filter)
    found = list(hub.users(state=state or "", name_filter=name_filter, sort="name"))
    if as_json:
        print_json(found)
        return
    rows = [
        (
            user.name,
            "admin" if user.admin else "-",
            ", ".join(user.groups) or "-",
            ", ".join(_word(server) for server in user.servers.values()) or "-",
            ago(user.last_activity),
        )
        for user in found
    ]
    print_table(("user", "admin", "groups", "servers", "active"), rows, "no such users")


@click.command()
@click.argument("name", default="", shell_complete=completion.groups)
@asks_a_hub
def groups(hub: Hub, name: str, as_json: bool) -> None:
    """List groups, or the members of the group NAME.

    \b
    callboard groups
    callboard groups class
    """
    if name:
        group = hub.group(name)
        print_json(group) if as_json else click.echo("\n".join(group.users))
        return
    found = list(hub.groups())
    if as_json:
        print_json(found)
        return
    rows = [(group.name, str(len(group.users))) for group in found]
    print_table(("group", "members"), rows, "no groups")


@click.command()
@click.argument("user", default="", shell_complete=completion.users)
@click.option("--all", "with_stopped", is_flag=True, help="Those that do not run, too.")
@asks_a_hub
def servers(hub: Hub, user: str, with_stopped: bool, as_json: bool) -> None:
    """List servers that run or are about to: of all users, or of USER.

    \b
    callboard servers
    callboard servers --all alice
    """
    owners = (
        [hub.user(user, include_stopped_servers=with_stopped)]
        if user
        else [
            hub.user(one.name, include_stopped_servers=True) if with_stopped else one
            for one in hub.users(state="" if with_stopped else "active", sort="name")
        ]
    )
    found = [(owner.name, server) for owner in owners for server in owner.servers.values()]
    if as_json:
        print_json([{"user": owner, "server": server} for owner, server in found])
        return
    rows = [
        (told(owner, server.name), _word(server), ago(server.started), ago(server.last_activity))
        for owner, server in found
    ]
    print_table(
        ("server", "state", "started", "active"), rows, "no servers" if with_stopped else "no server runs"
    )


@click.command()
@click.argument("server", type=ServerName(), metavar="USER[/SERVER]", shell_complete=completion.servers)
@click.option("--with", "given", is_flag=True, help="What is shared with USER, instead of by them.")
@asks_a_hub
def shares(hub: Hub, server: Named, given: bool, as_json: bool) -> None:
    """List with whom the servers of USER, or one of them, are shared.

    \b
    callboard shares alice
    callboard shares alice/lab
    callboard shares --with bob
    """
    user, name = server
    found = list(hub.shared_with(user) if given else hub.shares(user, name or None))
    if as_json:
        print_json(found)
        return
    rows = [
        (told(one.server.user.name, one.server.name), _grantee(one), ", ".join(one.scopes)) for one in found
    ]
    print_table(("server", "shared with", "scopes"), rows, "nothing is shared")


def _word(server: Server) -> str:
    if server.pending:
        return {"spawn": "starting", "stop": "stopping"}.get(server.pending, server.pending)
    return "running" if server.ready else "stopped"


def _grantee(share: Share) -> str:
    if share.user is not None:
        return share.user.name
    return f"group {share.group.name}" if share.group is not None else "-"
