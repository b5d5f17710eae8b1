"""What the login page shows."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from quart import Response

from core.errors import ForbiddenError
from core.naming.names import MAX_USER_NAME
from core.plugins.authenticator import PagedAuthenticator, RedirectAuthenticator
from web.authenticators.null import NullAuthenticator
from web.pages.parts.form_targets import lead_on_from_login
from web.pages.parts.render import html_of_configuration, page
from web.request.context import hub
from web.request.credentials import xsrf_token


async def login_form(*, next_url: str, username: str = "", error: str = "", status: int = 200) -> Response:
    """`next_url`: as it came, for the form to send it again. Raises ForbiddenError where no form would do."""
    authenticator = hub().logins.authenticator
    if isinstance(authenticator, NullAuthenticator):
        raise ForbiddenError(
            error or "Nobody logs in here: this hub is used through its API and its services."
        )
    shown: dict[str, Any] = {
        "next": next_url,
        "username": username[:MAX_USER_NAME],
        "login_error": error,
    }
    elsewhere, path, html = "", f"{hub().base_url}hub/login", ""
    if isinstance(authenticator, RedirectAuthenticator):
        elsewhere, path = authenticator.login_service, f"{hub().base_url}hub/oauth_login"
    elif isinstance(authenticator, PagedAuthenticator):
        elsewhere, path = authenticator.login_service, authenticator.login_path
        html = await authenticator.login_html({**shown, "xsrf": xsrf_token()})
    query = f"?{urlencode({'next': next_url})}" if next_url else ""
    settings = hub().settings.authenticator
    lead_on_from_login(next_url)
    return await page(
        "login.html",
        status,
        **shown,
        login_service=elsewhere,
        authenticator_login_url=f"{path}{query}",
        authenticator={"request_otp": settings.request_otp, "otp_prompt": settings.otp_prompt},
        custom_html=html_of_configuration(html),
    )


async def logged_out() -> Response:
    return await page("logout.html")
