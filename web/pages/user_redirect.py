"""`/hub/user-redirect/...`: one link for everybody, to the same file on the server of whoever follows it."""

from __future__ import annotations

from typing import Any

from quart import Response

from core.naming.names import escape
from web.pages.home import myself
from web.pages.parts.spawn_url import spawn_url
from web.request.access import IDENTIFIED
from web.request.answers import redirect
from web.request.context import asked, hub
from web.request.handler_view import handler_view
from web.request.routing import RouteGroup

endpoints = RouteGroup("user_redirect", page=True)


@endpoints.get("/user-redirect/<rest:rest>", access=IDENTIFIED, statuses=(302,))
async def follow(rest: str) -> Response:
    me = myself()
    base = hub().base_url
    hook: Any = hub().settings.hub.user_redirect_hook
    path = asked().path.removeprefix(f"{base}hub/user-redirect/")  # as it came, escapes and all
    if hook is not None:
        view = hub().launch.views.user(me)
        target = await hub().launch.hooks.ask(
            "user_redirect_hook", hook, path, handler_view().request, view, base, of=me.name
        )
        if target:
            return redirect(str(target))
    name = hub().settings.hub.default_server_name
    server = f"{escape(name)}/" if name else ""
    query = asked().query_string.decode("latin-1")
    wanted = f"{base}user/{escape(me.name)}/{server}{path}{f'?{query}' if query else ''}"
    return redirect(spawn_url(me.name, name, wanted))
