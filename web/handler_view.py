"""The request that is being answered, as hooks see it."""

from __future__ import annotations

from quart import g, request

from web.context import hub
from web.hook_views import HandlerView, RequestView
from web.identity import Identity


def handler_view() -> HandlerView:
    """This request, as hooks may look at it; without what it authenticates itself by."""
    headers = {
        name: value
        for name, value in request.headers.items()
        if name.lower() not in ("authorization", "cookie")
    }
    query = request.query_string.decode("latin-1")
    seen = RequestView(request.method, request.path, query, headers, request.remote_addr or "")
    asks: Identity | None = g.identity
    is_user = asks is not None and asks.kind == "user"
    return HandlerView(seen, hub().launch.views.user_called(asks.name) if asks and is_user else None)
