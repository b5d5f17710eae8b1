"""The cookies that go with a page: the token its scripts and forms send back, where the browser has not got it."""

from __future__ import annotations

from quart import Response, g, request

from projections.sessions import SessionRow
from web.request.context import hub
from web.request.credentials import comes_with_token, xsrf_token
from web.sessions.cookies import SESSION_ID, XSRF
from web.sessions.xsrf import ANONYMOUS_LIFE, PAGE_VIEWS


def add_cookies(response: Response) -> None:
    """None for programs: what they send is their token."""
    if comes_with_token(hub(), request):
        return
    cookies = hub().sessions.cookies
    if cookies.has_planted_login(request):
        cookies.clear_planted(request, response)
    if g.get("cookies_are_set"):
        return
    session: SessionRow | None = g.session
    if session is not None and request.cookies.getlist(SESSION_ID) != [session.id]:
        cookies.set_session_id(request, response, session.id)
    viewed = request.method == "GET" and request.headers.get("Sec-Fetch-Mode", "").lower() in PAGE_VIEWS
    if not viewed and "xsrf_token" not in g:
        return
    token = xsrf_token()
    if session is None or request.cookies.getlist(XSRF) != [token]:
        cookies.set_xsrf(request, response, token, None if session is not None else ANONYMOUS_LIFE)


def log_in_browser(response: Response, session_id: str, secret: str) -> None:
    """From the next request on, this browser is that session."""
    sessions = hub().sessions
    sessions.cookies.set_login(request, response, secret)
    sessions.cookies.set_session_id(request, response, session_id)
    sessions.cookies.set_xsrf(request, response, sessions.xsrf.of_session(session_id), None)
    g.cookies_are_set = True


def log_out_browser(response: Response) -> None:
    hub().sessions.cookies.clear(request, response)
    g.cookies_are_set = True
