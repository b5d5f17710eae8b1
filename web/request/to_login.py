"""The way to the page that logs people in, and back."""

from __future__ import annotations

from urllib.parse import urlencode

from quart import Response

from core.errors import ForbiddenError
from core.plugins.authenticator import RedirectAuthenticator
from web.request import answers
from web.request.context import asked, hub, kept


def _way_in() -> str:
    """To the page that logs people in; or on at once to whom they log in with, where it is to be so."""
    the_hub, route = hub(), kept().route
    wants_it = the_hub.settings.authenticator.auto_login_oauth2_authorize
    at_once = wants_it and route is not None and route.name == "authorize.ask"
    can = isinstance(the_hub.logins.authenticator, RedirectAuthenticator)
    return "oauth_login" if at_once and can else "login"


def to_login() -> Response:
    """Nobody is logged in. Who looks at a page is sent to do so, and comes back; nothing else is forwarded."""
    if asked().method not in ("GET", "HEAD"):
        raise ForbiddenError("Missing or invalid credentials.")
    query = asked().query_string.decode("latin-1")
    place = f"{asked().path}?{query}" if query else asked().path
    target = f"{hub().base_url}hub/{_way_in()}?{urlencode({'next': place})}"
    return answers.redirect(target)
