"""The way to the page that logs people in, and back."""

from __future__ import annotations

from urllib.parse import urlencode

from quart import Response, request

from core.errors import ForbiddenError
from core.plugins.authenticator import RedirectAuthenticator
from web.request import answers
from web.request.context import hub
from web.request.routing import Route


def _way_in(route: Route) -> str:
    """To the page that logs people in; or on at once to whom they log in with, where it is to be so."""
    the_hub = hub()
    at_once = route.name == "authorize.ask" and the_hub.settings.authenticator.auto_login_oauth2_authorize
    return (
        "oauth_login"
        if at_once and isinstance(the_hub.logins.authenticator, RedirectAuthenticator)
        else "login"
    )


def to_login(route: Route) -> Response:
    """Nobody is logged in. Who looks at a page is sent to do so, and comes back; nothing else is forwarded."""
    if route.method != "GET":
        raise ForbiddenError("Missing or invalid credentials.")
    query = request.query_string.decode("latin-1")
    asked = f"{request.path}?{query}" if query else request.path
    target = f"{hub().base_url}hub/{_way_in(route)}?{urlencode({'next': asked})}"
    return answers.redirect(target)
