"""Where a page sends people on to: what they asked for if it is of this hub, else where the configuration says."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from core.naming.names import escape
from core.plugins.hooks import Hooks
from projections.servers import servers
from projections.users import UserRow
from web.request.context import asked, database, hub
from web.request.handler_view import NOT_OF_THE_FORM, handler_view
from web.sessions.links import ARGUMENT as TICKET
from web.site.next_url import safe_path
from web.site.public_url import own_origins

_NOT_CARRIED = frozenset({"next", *NOT_OF_THE_FORM, TICKET})
_hooks = Hooks()


def checked(text: str) -> str:
    """A path of this hub; `""` if `text` leads anywhere else."""
    settings = hub().settings
    parts = urlsplit(settings.hub.subdomain_host)
    return safe_path(text, own_origins(asked(), settings), parts.netloc.lower())


async def destination(user: UserRow, next_url: str, default: str = "") -> str:
    """`next_url`: the argument `next`. `default`: of this page, for who has next_url for nothing better.

    Source of the order: JupyterHub 6.1.1. Other arguments of the query are carried over, unless `next` was good.
    """
    if good := checked(next_url):
        return good
    target = default or await default_url(user) or _of_user(user)
    carried = [
        pair
        for pair in parse_qsl(asked().query_string.decode("latin-1"), keep_blank_values=True)
        if pair[0] not in _NOT_CARRIED
    ]
    if not carried:
        return target
    return f"{target}{'&' if '?' in target else '?'}{urlencode(carried)}"


async def default_url(user: UserRow | None = None) -> str:
    """What the configuration says; `""` if nothing. `user`: who has just logged in; None: nobody, or whoever asks."""
    wanted: Any = hub().settings.hub.default_url
    if callable(wanted):
        wanted = await _hooks.ask("default_url", wanted, handler_view(user))
    return str(wanted or "")


def _of_user(user: UserRow) -> str:
    base = hub().base_url
    if not hub().settings.hub.redirect_to_server:
        return f"{base}hub/home"
    server = servers.by_id(database(), user.default_server)
    if server is not None and server.is_active:
        return hub().hosts.url(server.prefix or f"{base}user/{escape(user.name)}/")
    return f"{base}hub/spawn"
