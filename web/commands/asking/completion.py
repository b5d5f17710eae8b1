"""What a shell completes, when somebody presses Tab: names of what the hub has that the command is about.

A hub that is away, does not answer soon, or refuses, completes nothing and says nothing. Names are only those that a
shell takes as they are: one that is code would be run by whoever presses Enter.
"""

from __future__ import annotations

import io
import shlex
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr, redirect_stdout, suppress
from itertools import islice
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import click

from web.commands.asking.which import hub_of
from web.commands.where import Where

if TYPE_CHECKING:
    from web.client.plain import Hub

PATIENCE = 0.4  # seconds for the hub's answers; a shell and Python take their time besides
MOST = 100  # names at once

Completion = Callable[[click.Context, click.Parameter, str], list[str]]
Finder = Callable[["Hub", str], Iterable[str]]
"""From the hub and the first letters of a name to such names, and others perhaps."""


def completes(find: Finder) -> Completion:
    """For `shell_complete` of an argument or option of a command that is about a hub, or about its log."""

    def complete(ctx: click.Context, _: click.Parameter, beginning: str) -> list[str]:
        found: list[str] = []

        def ask() -> None:
            with suppress(Exception), ctx.scope(cleanup=False), hub_of(where, url) as hub:
                names = (name for name in find(hub, beginning) if name.startswith(beginning))
                found.extend(islice(filter(_is_plain, names), MOST))

        url = ctx.params.get("url") or ""
        where = Where(tuple(map(Path, ctx.params.get("files") or ())), ctx.params.get("db") or "")
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):  # configurations are programs
            if url or _is_known(where):
                asking = Thread(target=ask, daemon=True)
                asking.start()
                asking.join(PATIENCE)
        return sorted(found)

    return complete


def _is_known(where: Where) -> bool:
    try:
        return bool(where.log)
    except (Exception, SystemExit):
        return False


def _is_plain(name: str) -> bool:
    return shlex.quote(name) == name and not name.startswith("-")


# --- names ---


def _users(hub: Hub, beginning: str, state: str = "") -> Iterable[str]:
    """Who may list nobody knows at least their own name."""
    from web.client.errors import RefusedError

    try:
        yield from (
            one.name for one in hub.users(name_filter=beginning, state=state, sort="name", limit=MOST)
        )
    except RefusedError:
        yield hub.me().name


def _groups(hub: Hub, beginning: str) -> Iterable[str]:
    return (group.name for group in hub.groups(name_filter=beginning))


def _principals(hub: Hub, beginning: str) -> Iterable[str]:
    if "service/".startswith(beginning[: len("service/")]):
        yield from (f"service/{name}" for name in hub.services())
    yield from _users(hub, beginning)


def _servers(hub: Hub, beginning: str, state: str = "") -> Iterable[str]:
    """Users, as long as there are several; then the servers of the one."""
    user, slash, _ = beginning.partition("/")
    found = [user] if slash else list(islice(_users(hub, user, state), MOST))
    begin = [name for name in found if name.startswith(user)]
    if not slash:
        yield from begin
    if len(begin) == 1:
        for server in hub.user(begin[0], include_stopped_servers=not state).servers.values():
            if server.name:
                yield f"{begin[0]}/{server.name}"


def _running(hub: Hub, beginning: str) -> Iterable[str]:
    return _servers(hub, beginning, "active")


users = completes(_users)
groups = completes(_groups)
principals = completes(_principals)
servers = completes(_servers)
running_servers = completes(_running)


# --- what needs no hub ---


def event_types(_: click.Context, __: click.Parameter, beginning: str) -> list[str]:
    from core.events import codec

    return sorted(tag for tag in codec.FIELDS if tag.startswith(beginning))
