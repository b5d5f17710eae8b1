"""Logging in somewhere else: the browser is sent to the provider, and comes back with an answer.

What the hub has to know when it comes back is in a cookie that only the callback sees.
"""

from __future__ import annotations

import time

from quart import Response

from core.errors import ForbiddenError, NotFoundError
from core.plugins.authenticator import Login, RedirectAuthenticator
from projections.users import UserRow
from web.pages.login import enter
from web.pages.parts.destination import checked
from web.request.access import OPEN
from web.request.answers import redirect
from web.request.client_address import address_of
from web.request.context import asked, hub
from web.request.facts import request_facts
from web.request.routing import RouteGroup
from web.site.public_url import origin

endpoints = RouteGroup("oauth_login", page=True)

STATE = "callboard-login-state"
STATE_LIFE = 600  # seconds
LONGEST_STATE = 4096  # characters


@endpoints.get("/oauth_login", access=OPEN, statuses=(302,))
async def begin() -> Response:
    """To the provider."""
    leaving = await _authenticator().begin(checked(asked().args.get("next", "")), _callback_url())
    answer = redirect(leaving.url)
    hub().sessions.cookies.set_state(
        asked(), answer, STATE, leaving.state_cookie, path=_callback_path(), max_age=STATE_LIFE
    )
    return answer


@endpoints.get("/oauth_callback", access=OPEN, statuses=(302,))
async def finish() -> Response:
    """Back from it."""
    state = asked().cookies.get(STATE, "")
    if len(state) > LONGEST_STATE:
        raise ForbiddenError("This login cannot be continued. Please begin again.")
    began, user = time.monotonic(), None
    try:
        login, next_url = await _authenticator().finish(_callback_url(), asked().args.to_dict(), state)
        user = await _admitted(login)
    except ForbiddenError:
        hub().refusals.login(address_of(asked()))
        raise
    finally:
        hub().metrics.logged_in(time.monotonic() - began, success=user is not None)
    answer = await enter(user, next_url)
    answer.delete_cookie(STATE, path=_callback_path())
    return answer


async def _admitted(login: Login) -> UserRow:
    logged_in = await hub().acts.accounts.of_login(login, request_facts())
    if logged_in is None:
        raise ForbiddenError("Nobody can have the name that this login gives.")
    return logged_in.user


def _authenticator() -> RedirectAuthenticator:
    authenticator = hub().logins.authenticator
    if not isinstance(authenticator, RedirectAuthenticator):
        raise NotFoundError("People log in at this hub itself.")
    return authenticator


def _callback_path() -> str:
    return f"{hub().base_url}hub/oauth_callback"


def _callback_url() -> str:
    return f"{origin(asked(), hub().settings)}{_callback_path()}"
