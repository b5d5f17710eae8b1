"""The cookies that go with a page: the token its scripts and forms send back, where the browser has not got it."""

from __future__ import annotations

from quart import Response

from web.request.context import asked, hub, kept
from web.request.credentials import comes_with_token, xsrf_token
from web.sessions.cookies import SESSION_ID, XSRF
from web.sessions.xsrf import ANONYMOUS_LIFE, PAGE_VIEWS


def add_cookies(response: Response) -> None:
    """None for programs: what they send is their token."""
    if comes_with_token(hub(), asked()):
        return
    cookies = hub().sessions.cookies
    if cookies.has_planted_login(asked()):
        cookies.clear_planted(asked(), response)
    if kept().cookies_are_set:
        return
    session = kept().session
    if session is not None and asked().cookies.getlist(SESSION_ID) != [session.id]:
        cookies.set_session_id(asked(), response, session.id)
    viewed = asked().method == "GET" and asked().headers.get("Sec-Fetch-Mode", "").lower() in PAGE_VIEWS
    if not viewed and kept().xsrf_token is None:
        return
    token = xsrf_token()
    if session is None or asked().cookies.getlist(XSRF) != [token]:
        cookies.set_xsrf(asked(), response, token, None if session is not None else ANONYMOUS_LIFE)


def log_in_browser(response: Response, session_id: str, secret: str) -> None:
    """From the next request on, this browser is that session."""
    sessions = hub().sessions
    sessions.cookies.set_login(asked(), response, secret)
    sessions.cookies.set_session_id(asked(), response, session_id)
    sessions.cookies.set_xsrf(asked(), response, sessions.xsrf.of_session(session_id), None)
    kept().cookies_are_set = True


def log_out_browser(response: Response) -> None:
    hub().sessions.cookies.clear(asked(), response)
    kept().cookies_are_set = True
