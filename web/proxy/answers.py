"""Replies of the proxy's own: when nothing behind it can give one."""

import html
import http
import json
import re
from typing import Protocol

from web.http1.request import Request


class Answer(Protocol):
    def __call__(self, request: Request, *, closes: bool) -> bytes: ...


_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{status} {phrase}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"></head>
<body><main><h1>{status} : {phrase}</h1><p>{message}</p></main></body></html>
"""
_POLICY = b"default-src 'none'; frame-ancestors 'none'; form-action 'none'"
_PORT = re.compile(rb":\d*$")
_RETRY = b"Retry-After: 2\r\n"
_AWAY = (
    _RETRY + b"X-Callboard-Away: hub\r\nCache-Control: no-store\r\n"
)  # so that scripts of pages know it from other 503s
_WORDS_AWAY = "The hub is away, perhaps only restarting. Running servers stay reachable."


def healthy(request: Request, *, closes: bool) -> bytes:
    return _for(request, 200, b"application/json", b'{"status": "OK"}', closes=closes)


def not_ready(request: Request, *, closes: bool) -> bytes:
    """It serves, but knows none of the hub's routes: where there are other proxies, they do better."""
    return _for(request, 503, b"application/json", b'{"status": "waiting for routes"}', _RETRY, closes=closes)


def slash_redirect(request: Request, *, closes: bool) -> bytes:
    path, mark, query = request.target.partition(b"?")
    location = b"Location: %b/%b%b\r\n" % (path, mark, query)
    return _for(request, 302, b"text/plain", b"", location, closes=closes)


def https_redirect(port: int, request: Request, *, closes: bool) -> bytes:
    """To the same address, as the client knows it, but for scheme and port."""
    if not request.host:
        return _explained(request, 400, "Use https.", closes=closes)
    host = request.host if request.host.endswith(b"]") else _PORT.sub(b"", request.host)
    at = b"" if port == 443 else b":%d" % port
    location = b"Location: https://%b%b%b\r\n" % (host, at, request.target)
    status = 301 if request.method in (b"GET", b"HEAD") else 308  # the method stays
    return _for(request, status, b"text/plain", b"", location, closes=closes)


def not_found(request: Request, *, closes: bool) -> bytes:
    return _explained(request, 404, "Nothing is served under this address.", closes=closes)


def server_away(request: Request, *, closes: bool) -> bytes:
    message = "The server behind this address does not answer. It may have stopped, or be starting."
    return _explained(request, 503, message, closes=closes)


def bad_reply(request: Request, *, closes: bool) -> bytes:
    return _explained(request, 502, "The server behind this address gave a malformed answer.", closes=closes)


def hub_away(request: Request, *, closes: bool) -> bytes:
    if wants_json(request):
        content = json.dumps({"status": 503, "message": _WORDS_AWAY}).encode()
        return _for(request, 503, b"application/json", content, _AWAY, closes=closes)
    return _for(request, 503, b"text/plain; charset=utf-8", f"{_WORDS_AWAY}\n".encode(), _AWAY, closes=closes)


def hub_away_page(request: Request, page: bytes, policy: str, *, closes: bool) -> bytes:
    """`policy`: the page's Content-Security-Policy."""
    return _page_of_hub(request, page, policy, _AWAY, closes=closes)


def server_away_page(request: Request, page: bytes, policy: str, *, closes: bool) -> bytes:
    return _page_of_hub(request, page, policy, b"Cache-Control: no-store\r\n", closes=closes)


def _page_of_hub(request: Request, page: bytes, policy: str, headers: bytes, *, closes: bool) -> bytes:
    html, by_language = b"text/html; charset=utf-8", b"Vary: Accept-Language\r\n"
    return _for(
        request, 503, html, page, by_language + headers, closes=closes, policy=policy.encode("latin-1")
    )


def told(status: int, content_type: bytes, content: bytes, request: Request, *, closes: bool) -> bytes:
    """What somebody else has to say about it, as pages of a hub do, with styles and scripts of its own."""
    return _for(request, status, content_type, content, closes=closes, policy=b"frame-ancestors 'none'")


def too_many(limit: int) -> bytes:
    message = f"This proxy serves {limit} connections at most.\n".encode()
    return _reply(503, b"text/plain; charset=utf-8", message, _RETRY, closes=True)


def _explained(request: Request, status: int, message: str, *, closes: bool) -> bytes:
    """HTML for people, JSON for programs."""
    if wants_json(request):
        content = json.dumps({"status": status, "message": message}).encode()
        return _for(request, status, b"application/json", content, closes=closes)
    phrase = http.HTTPStatus(status).phrase
    page = _PAGE.format(status=status, phrase=phrase, message=html.escape(message))
    return _for(request, status, b"text/html; charset=utf-8", page.encode(), closes=closes)


def wants_json(request: Request) -> bool:
    accept = request.header(b"accept").lower()
    as_json, as_html = accept.find(b"application/json"), accept.find(b"text/html")
    return b"/api/" in request.path or (as_json >= 0 and not 0 <= as_html < as_json)


def is_for_people(request: Request) -> bool:
    """Whether a browser will show the answer. A login at a server passes through the API on its way."""
    accept = request.header(b"accept").lower()
    as_html, as_json = accept.find(b"text/html"), accept.find(b"application/json")
    if as_html < 0 or 0 <= as_json < as_html:
        return False
    return b"/api/" not in request.path or request.path.endswith(b"/hub/api/oauth2/authorize")


def _for(
    request: Request,
    status: int,
    content_type: bytes,
    content: bytes,
    headers: bytes = b"",
    *,
    closes: bool,
    policy: bytes = _POLICY,
) -> bytes:
    reply = _reply(status, content_type, content, headers, closes=closes, policy=policy)
    return reply.removesuffix(content) if request.method == b"HEAD" and content else reply


def _reply(
    status: int,
    content_type: bytes,
    content: bytes,
    headers: bytes = b"",
    *,
    closes: bool,
    policy: bytes = _POLICY,
) -> bytes:
    phrase = http.HTTPStatus(status).phrase.encode()
    connection = b"Connection: close\r\n" if closes else b""
    return (
        b"HTTP/1.1 %d %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n"
        b"X-Content-Type-Options: nosniff\r\nContent-Security-Policy: %b\r\n%b%b\r\n%b"
    ) % (
        status,
        phrase,
        content_type,
        len(content),
        policy,
        headers,
        connection,
        content,
    )
