"""Logging in by a form, and logging out.

A login opens a session and a logout ends it, as events; with it end all tokens that servers and services were given
for this browser.
"""

from __future__ import annotations

import logging

from quart import Response

from core.errors import ForbiddenError, HubError
from core.plugins.authenticator import RequestAuthenticator
from projections import users
from projections.users import UserRow
from web.login.accounts import LoggedIn
from web.pages.parts.browser_session import end_session, new_session
from web.pages.parts.destination import destination
from web.pages.parts.login_form import logged_out, login_form
from web.request.access import OPEN
from web.request.answers import redirect
from web.request.client_address import address_of
from web.request.context import asked, database, hub, kept
from web.request.credentials import check_meant, sent_form
from web.request.errors import headers_of, status_of
from web.request.facts import request_facts
from web.request.page_cookies import log_in_browser, log_out_browser
from web.request.routing import RouteGroup
from web.request.sent.forms import form as form_of_request
from web.request.sent.refused_forms import why_refused
from web.request.to_login import own_login_path
from web.sessions.links import ARGUMENT
from web.texts.translate import N_

endpoints = RouteGroup("login", page=True)

WRONG = N_("Invalid username or password")
LINK_USED = N_("This link has been used, or is too old.")

logger = logging.getLogger("callboard.login")


@endpoints.get("/login", access=OPEN, statuses=(200, 302, 403))
async def form() -> Response:
    """The form; or on to where `next` says, for who is logged in."""
    next_url = asked().args.get("next", "")
    if ticket := asked().args.get(ARGUMENT, ""):
        return await _log_in_by_link(ticket, next_url)
    if (user := _logged_in_here()) is not None:
        return redirect(await destination(user, next_url))
    if hub().settings.authenticator.auto_login:
        return await _log_in_unasked(next_url)
    return await login_form(next_url=next_url)


def _logged_in_here() -> UserRow | None:
    """Whose browser this is already."""
    session = kept().session
    return users.by_id(database(), session.user) if session and kept().identity else None


async def _log_in_by_link(ticket: str, next_url: str) -> Response:
    """Whoever came by a link from the hub's own terminal. An answer's URL no longer has the ticket in it.

    A used one still leads on whoever is logged in: they go back to it, or open it a second time.
    """
    user = hub().acts.link_login.redeem(ticket, address=address_of(asked()))
    if user is not None:
        return await enter(user, next_url)
    if (user := _logged_in_here()) is not None:
        return redirect(await destination(user, next_url))
    return await login_form(next_url=next_url, error=LINK_USED, status=403)


async def _log_in_unasked(next_url: str) -> Response:
    """`auto_login`: without a form, at another service or by what the request itself says."""
    if path := own_login_path():
        return redirect(f"{path}?{asked().query_string.decode('latin-1')}".rstrip("?"))
    logged_in = await _log_in({})
    if logged_in is None:
        raise ForbiddenError("You could not be logged in.")
    return await enter(logged_in.user, next_url)


@endpoints.post("/login", access=OPEN, statuses=(200, 302, 403))
async def submit() -> Response:
    """Somebody says who they are."""
    fields = form_of_request().fields
    next_url = asked().args.get("next", "") or fields.get("next", "")
    given = {name: value.strip() if name == "username" else value for name, value in fields.items()}
    name = given.get("username", "")
    try:
        check_meant(given=given.pop("_xsrf", None))
    except ForbiddenError:
        why = why_refused(sent_form())
        logger.warning("a login form from %s does not count: %s", address_of(asked()), why)
        return await login_form(next_url=next_url, username=name, error=why, status=403)
    try:
        logged_in = await _log_in(given) if name or _takes_other_forms() else None
    except HubError as refused:
        answer = await login_form(
            next_url=next_url, username=name, error=refused.message, status=status_of(refused)
        )
        answer.headers.update(headers_of(refused))
        return answer
    if logged_in is None:
        return await login_form(next_url=next_url, username=name, error=WRONG, status=403)
    return await enter(logged_in.user, next_url)


def _takes_other_forms() -> bool:
    """Whether a form without a name may be one: an authenticator of JupyterHub's kind brings its own."""
    return isinstance(hub().logins.authenticator, RequestAuthenticator)


async def _log_in(given: dict[str, str]) -> LoggedIn | None:
    log_in = hub().acts.credential_login.log_in
    return await log_in(given, address=address_of(asked()), request=request_facts())


async def enter(user: UserRow, next_url: str) -> Response:
    """This browser is the user's from here on. Whoever was logged in with it before no longer is."""
    new = await new_session(user)
    answer = redirect(await destination(user, next_url))
    if new is not None:
        log_in_browser(answer, *new)
    return answer


@endpoints.get("/logout", access=OPEN, statuses=(200, 302))
async def log_out() -> Response:
    """End the session, and with it all that was given on its strength."""
    await end_session()
    elsewhere = hub().settings.oidc.logout_redirect_url
    if elsewhere:
        answer = redirect(elsewhere)
    elif hub().settings.authenticator.auto_login:
        answer = await logged_out()
    else:
        answer = redirect(f"{hub().base_url}hub/login")
    log_out_browser(answer)
    return answer
