"""The way to the page that logs people in, and back."""

from __future__ import annotations

from urllib.parse import urlencode

from quart import Response

from core.errors import ForbiddenError
from core.plugins.authenticator import PagedAuthenticator, RedirectAuthenticator
from web.request import answers
from web.request.context import asked, hub, kept


def own_login_path() -> str:
    """Where the authenticator logs people in, if that is not the hub's own page; else `""`."""
    authenticator, prefix = hub().logins.authenticator, f"{hub().base_url}hub/"
    if isinstance(authenticator, RedirectAuthenticator):
        return f"{prefix}oauth_login"
    if isinstance(authenticator, PagedAuthenticator) and authenticator.login_path != f"{prefix}login":
        return authenticator.login_path
    return ""


def _way_in() -> str:
    """To the page that logs people in; or on at once to whom they log in with, where it is to be so."""
    the_hub, route = hub(), kept().route
    wants_it = the_hub.settings.authenticator.auto_login_oauth2_authorize
    at_once = wants_it and route is not None and route.name == "authorize.ask"
    return (at_once and own_login_path()) or f"{the_hub.base_url}hub/login"


def to_login() -> Response:
    """Nobody is logged in. Who looks at a page is sent to do so, and comes back; nothing else is forwarded."""
    if asked().method not in ("GET", "HEAD"):
        raise ForbiddenError("Missing or invalid credentials.")
    query = asked().query_string.decode("latin-1")
    place = f"{asked().path}?{query}" if query else asked().path
    way_in = _way_in()
    return answers.redirect(f"{way_in}{'&' if '?' in way_in else '?'}{urlencode({'next': place})}")
