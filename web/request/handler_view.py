"""The request that is being answered, as hooks see it."""

from __future__ import annotations

from typing import cast

from quart import g, request

from projections.users import UserRow
from web.request.context import hub
from web.rights.identity import Identity
from web.starts.hook_views import HandlerView, RequestView


def handler_view(user: UserRow | None = None) -> HandlerView:
    """This request, as hooks may look at it; without what it authenticates itself by.

    `user`: who has just logged in by it, if somebody has.
    """
    headers = {
        name: value
        for name, value in request.headers.items()
        if name.lower() not in ("authorization", "cookie")
    }
    query = request.query_string.decode("latin-1")
    seen = RequestView(request.method, request.path, query, headers, request.remote_addr or "")
    views, asks = hub().launch.views, cast("Identity | None", g.identity)
    if user is not None:
        return HandlerView(seen, views.user(user))
    return HandlerView(seen, views.user_called(asks.name) if asks and asks.kind == "user" else None)
