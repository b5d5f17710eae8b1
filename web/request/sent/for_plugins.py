"""The request that is being answered, as plug-ins written for tornado see it: without what the hub knows people by."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

from quart import Request

from core.plugins.sent_request import SentRequest
from web.request.client_address import address_of
from web.request.context import asked, hub, kept
from web.request.credentials import comes_with_token
from web.sessions.cookies import SESSION_ID
from web.site.public_url import browser_scheme

FORM = "application/x-www-form-urlencoded"
_OURS = frozenset({"host", "content-length", "remote-addr", "transfer-encoding"})  # made anew over there


def sent_request(body: bytes | None = None, *, with_token: bool = False) -> SentRequest:
    """`body`: as it came; None for that of a form which has been taken apart already.

    `with_token`: also if it is one of ours.
    """
    request = asked()
    headers = list(_headers(request, with_token=with_token))
    if body is None:
        body, headers = _form_body(), [pair for pair in headers if pair[0].lower() != "content-type"]
        headers += [("Content-Type", FORM)] if body else []
    query = request.query_string.decode("latin-1")
    return SentRequest(
        request.method,
        f"{request.path}?{query}" if query else request.path,
        tuple(headers),
        body,
        address_of(request),
        browser_scheme(request),
        request.host,
    )


def _form_body() -> bytes:
    form = kept().form
    return b"" if form is None else urlencode(list(form.fields.items(multi=True))).encode()


def _headers(request: Request, *, with_token: bool) -> Iterator[tuple[str, str]]:
    by_token = not with_token and comes_with_token(hub(), request)
    for name, value in request.headers.items():
        lower = name.lower()
        if lower in _OURS or (lower == "authorization" and by_token):
            continue
        if lower == "cookie":
            value = _without_ours(value)
        if value or lower != "cookie":
            yield name, value


def _without_ours(cookies: str) -> str:
    """The cookies of a request but those by which this hub knows a browser."""
    hidden = {hub().sessions.cookies.login, SESSION_ID}
    parts = (part.strip() for part in cookies.split(";"))
    return "; ".join(part for part in parts if part.partition("=")[0].strip() not in hidden)
