"""The request that is being answered, as hooks see it."""

from __future__ import annotations

from werkzeug.datastructures import Headers

from projections.users import UserRow
from web.hook_views.handler import HandlerView
from web.hook_views.request import Pairs, RequestView
from web.request.context import asked, hub, kept
from web.site.public_url import browser_scheme

NOT_OF_THE_FORM = ("_xsrf", "_once")  # what the hub adds to forms
_AUTHENTICATES = ("authorization", "cookie", "x-xsrftoken")


def handler_view(user: UserRow | None = None) -> HandlerView:
    """This request, as hooks may look at it; without what it authenticates itself by.

    `user`: who has just logged in by it, if somebody has.
    """
    views, asks = hub().launch.views, kept().identity
    scopes = asks.scopes.as_strings() if asks else ()
    if user is not None:
        return views.handler(request_view(), views.user(user), scopes)
    who = views.user_called(asks.name) if asks and asks.kind == "user" else None
    return views.handler(request_view(), who, scopes)


def request_view() -> RequestView:
    request = asked()
    headers = Headers(pair for pair in request.headers.items() if pair[0].lower() not in _AUTHENTICATES)
    return RequestView(
        request.method,
        request.path,
        request.query_string.decode("latin-1"),
        headers,
        request.remote_addr or "",
        protocol=browser_scheme(request),
        host=request.host,
        fields=_fields(),
    )


def _fields() -> Pairs:
    form = kept().form
    pairs = [] if form is None else form.fields.items(multi=True)
    return [(name, value) for name, value in pairs if name not in NOT_OF_THE_FORM]
