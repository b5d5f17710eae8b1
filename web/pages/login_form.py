"""What the login page shows."""

from __future__ import annotations

from urllib.parse import urlencode

from markupsafe import Markup
from quart import Response

from core.authenticator import RedirectAuthenticator
from web.context import hub
from web.credentials import xsrf_token

_FORM = Markup(
    '<!DOCTYPE html><html lang="en"><title>Sign in</title>'
    '<form method="post" action="{action}"><p class="login_error">{error}</p>'
    '<input type="hidden" name="_xsrf" value="{xsrf}">'
    '<input id="username_input" name="username" value="{username}" autofocus autocomplete="username">'
    '<input id="password_input" name="password" type="password" autocomplete="current-password">'
    '<button id="login_submit">Sign in</button></form></html>'
)


_BUTTON = Markup(
    '<!DOCTYPE html><html lang="en"><title>Sign in</title><p class="login_error">{error}</p>'
    '<a id="login_submit" href="{url}">Sign in</a></html>'
)


async def login_form(*, next_url: str, username: str = "", error: str = "", status: int = 200) -> Response:
    """`next_url`: as it came, for the form to send it again."""
    query = f"?{urlencode({'next': next_url})}" if next_url else ""
    if isinstance(hub().authenticator, RedirectAuthenticator):
        body = _BUTTON.format(url=f"{hub().base_url}hub/oauth_login{query}", error=error)
    else:
        action = f"{hub().base_url}hub/login{query}"
        body = _FORM.format(action=action, error=error, xsrf=xsrf_token(), username=username)
    return Response(str(body), status, content_type="text/html; charset=utf-8")


async def logged_out() -> Response:
    return Response("Logged out", content_type="text/html; charset=utf-8")
