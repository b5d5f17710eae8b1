"""The request that is being answered, as hooks see it."""

from __future__ import annotations

from projections.users import UserRow
from web.request.context import asked, hub, kept
from web.starts.hook_views import HandlerView, RequestView


def handler_view(user: UserRow | None = None) -> HandlerView:
    """This request, as hooks may look at it; without what it authenticates itself by.

    `user`: who has just logged in by it, if somebody has.
    """
    headers = {
        name: value
        for name, value in asked().headers.items()
        if name.lower() not in ("authorization", "cookie")
    }
    query = asked().query_string.decode("latin-1")
    seen = RequestView(asked().method, asked().path, query, headers, asked().remote_addr or "")
    views, asks = hub().launch.views, kept().identity
    if user is not None:
        return HandlerView(seen, views.user(user))
    return HandlerView(seen, views.user_called(asks.name) if asks and asks.kind == "user" else None)
