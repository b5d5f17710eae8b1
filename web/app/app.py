"""The Quart application: every noun's routes, and how refusals and bugs leave the house."""

from __future__ import annotations

import logging
import sqlite3
import time
from contextlib import suppress
from functools import cache
from typing import Any, cast

import trio
from h11 import LocalProtocolError
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope, WebsocketScope
from quart import Response, current_app, g, request
from quart.typing import ResponseTypes
from quart_trio import QuartTrio
from quart_trio.asgi import TrioASGIHTTPConnection
from werkzeug.exceptions import HTTPException, NotFound

from core.errors import HubError, PendingError, ThrottledError
from core.events.disk import unreadable
from web.api import (
    authorizations,
    events,
    explain,
    groups,
    logs,
    oauth,
    openapi,
    progress,
    proxy,
    route_stream,
    servers,
    services,
    share_codes,
    shared_with,
    shares,
    shares_by_code,
    start,
    tokens,
    users,
)
from web.api import hub as hub_api
from web.api import metrics as monitoring
from web.app.handler_names import handler_name
from web.app.route_table import RouteTable
from web.hub.hub import Hub
from web.pages import authorize, errors, fallback, files, user_url
from web.pages.table import ALL as PAGES
from web.request import answers
from web.request.context import hub as the_hub
from web.request.errors import headers_of, phrase, status_of
from web.request.page_cookies import add_cookies
from web.request.received import Request
from web.request.request_log import log_request, shown_url
from web.request.routing import Route, new_request_id
from web.site.api_paths import api_prefixes, is_api
from web.site.bounds import check_url, within_cookies

logger = logging.getLogger("callboard.http")

API = (
    hub_api.noun,
    explain.noun,
    groups.noun,
    users.noun,
    tokens.noun,
    servers.noun,
    progress.noun,
    events.noun,
    logs.noun,
    start.noun,
    services.noun,
    proxy.noun,
    route_stream.noun,
    authorizations.noun,
    oauth.noun,
    monitoring.noun,
    shares.noun,
    shares_by_code.noun,
    shared_with.noun,
    share_codes.noun,
    openapi.noun,
)

STARTS = ("servers.start", "start.start")


class Connection(TrioASGIHTTPConnection):
    """One request.

    Paths reach the routes as they were sent. A body that is known goes out with its end in one piece, and
    that piece is shielded: quart-trio cancels this task's nursery after it, and a hypercorn that is
    interrupted there never starts its keep-alive timer again.
    """

    def __init__(self, app: QuartTrio, scope: HTTPScope) -> None:
        scope["path"] = scope["raw_path"].decode("latin-1").partition("?")[0] or "/"
        headers = [pair for pair in scope["headers"] if pair[0] != b"host" or _is_host(pair[1])]
        scope["headers"] = within_cookies(headers)
        super().__init__(app, scope)

    async def handle_messages(  # type: ignore[override]
        self, nursery: trio.Nursery, request: Request, receive: ASGIReceiveCallable
    ) -> None:
        """Until the client has gone. No more of a body is taken than somebody reads."""
        while (message := await receive())["type"] == "http.request":
            request.body.append(message.get("body", b""))
            if not message.get("more_body", False):
                request.body.set_complete()
            await request.body.wait_room()
        nursery.cancel_scope.cancel()

    async def _send_response(self, send: ASGISendCallable, response: ResponseTypes) -> None:
        body = getattr(response.response, "data", None)
        if not isinstance(body, bytes):
            await self._send_stream(send, response)
            return
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in response.headers]
        with trio.CancelScope(shield=True):
            await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
            await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _send_stream(self, send: ASGISendCallable, response: ResponseTypes) -> None:
        """Until its end, or until the hub no longer serves: then it ends properly wherever it is."""
        over = cast("Hub", self.app.extensions["callboard"]).closed
        is_sending = is_ended = False

        async def send_on(message: Any) -> None:
            nonlocal is_sending, is_ended
            is_ended = message["type"] == "http.response.body" and not message.get("more_body", False)
            is_sending = True
            with trio.CancelScope(shield=is_ended):
                await send(message)
            is_sending = False

        async def cut(scope: trio.CancelScope) -> None:
            await over.wait()
            scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(cut, nursery.cancel_scope)
            await super()._send_response(cast(ASGISendCallable, send_on), response)
            nursery.cancel_scope.cancel()
        if over.is_set() and not (is_sending or is_ended):
            with trio.CancelScope(shield=True):
                await send({"type": "http.response.body", "body": b"", "more_body": False})


class NoSocket:
    """A WebSocket's handshake is refused before Quart sees it: the hub has none, only servers that run do."""

    def __init__(self, app: QuartTrio, scope: WebsocketScope) -> None:
        self._can_answer = "websocket.http.response" in (scope.get("extensions") or {})

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if not self._can_answer:
            await send({"type": "websocket.close", "code": 1000, "reason": None})
            return
        with suppress(LocalProtocolError):  # it has sent more already, and been refused for that
            await send({"type": "websocket.http.response.start", "status": 400, "headers": []})
            await send({"type": "websocket.http.response.body", "body": b"", "more_body": False})


def _is_host(value: bytes) -> bool:
    """What is none is as good as no Host: werkzeug would raise over it where nobody catches that."""
    try:
        value.decode("ascii").encode("idna")
    except UnicodeError:
        return False
    return True


def build_app(hub: Hub) -> QuartTrio:
    app = QuartTrio("callboard", static_folder=None)
    app.asgi_http_class = Connection  # type: ignore[assignment]
    app.request_class = Request
    app.asgi_websocket_class = NoSocket  # type: ignore[assignment]
    app.extensions["callboard"] = hub
    app.extensions[openapi.NOUNS] = API
    app.config["MAX_CONTENT_LENGTH"] = hub.settings.callboard.max_body_size
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    _routes(hub.base_url).install(app)
    app.before_request(_begin)
    app.after_request(_finish)
    app.register_error_handler(HubError, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(sqlite3.Error, _database_error)
    app.register_error_handler(Exception, _bug)
    return app


@cache
def _routes(base_url: str) -> RouteTable:
    """Always the same: some hundred patterns to compile, once for all hubs of a process."""
    table, base = RouteTable(), base_url.rstrip("/")
    for prefix in api_prefixes(base_url):
        table.add(API, prefix)
        table.add([authorize.noun], prefix)
    table.add([monitoring.noun, *PAGES], f"{base}/hub")
    table.add([fallback.outside, user_url.outside, files.outside], base)
    return table


async def _begin() -> Response | None:
    g.request_id = new_request_id()
    g.began = time.monotonic()
    g.identity = None
    g.route = None
    g.session = None
    check_url(request)
    if request.method == "OPTIONS" and _is_of_api():
        return answers.empty(200, "application/json")
    return None


def _is_of_api() -> bool:
    """Whether there is something of the API at this URL, whatever the method."""
    known = not isinstance(request.routing_exception, NotFound)
    return known and is_api(request.path, the_hub().base_url)


async def _finish(response: Response) -> Response:
    hub, took = the_hub(), time.monotonic() - g.get("began", 0.0)
    route: Route | None = g.get("route")
    hub.headers.add(request, response)
    if "xsrf_token" in g or (route is not None and route.page):
        add_cookies(response)
    hub.metrics.answered(request.method, handler_name(route), response.status_code, took)
    log_request(request, response, g.identity.name if g.get("identity") else "", took)
    return response


async def _refused(error: HubError) -> Response:
    status = status_of(error)
    if g.route is not None and g.route.name in STARTS:
        _count_refused_start(error)
    return await _refusal(status, error.message, headers_of(error) | _allowed_instead(status), error)


async def _refusal(
    status: int, message: str, headers: dict[str, str], error: Exception | None = None
) -> Response:
    """A page for people, JSON for programs."""
    if not errors.is_for_people():
        return answers.refusal(status, message, headers)
    try:
        answer = await errors.error_page(status, message, error=error)
    except Exception:  # a template of the configuration may be what is broken
        logger.exception("the page for status %d failed", status)
        return answers.refusal(status, message, headers)
    answer.headers.update(headers)
    return answer


def _count_refused_start(error: HubError) -> None:
    """What never came to be a start, and so is not in the log."""
    seconds = time.monotonic() - g.began
    match error:
        case ThrottledError(retry_after=None):
            the_hub().metrics.started(seconds, "failure", "too-many-users")
        case ThrottledError():
            the_hub().metrics.started(seconds, "failure", "throttled")
        case PendingError():
            the_hub().metrics.started(seconds, "failure", "already-pending")


async def _http_error(error: HTTPException) -> Response:
    """No such URL, no such method, a body too large."""
    status = error.code or 500
    if status == 404 and (instead := fallback.elsewhere()) is not None:
        return instead
    message = "The body is too large." if status == 413 else phrase(status)
    return await _refusal(status, message, _allowed_instead(status))


def _allowed_instead(status: int) -> dict[str, str]:
    """With a 405 go the methods that this URL does have."""
    if status != 405:
        return {}
    allowed = set(current_app.url_map.bind("").allowed_methods(request.path))
    return {"Allow": ", ".join(sorted({*allowed, "OPTIONS"} - {request.method}))}


async def _database_error(error: sqlite3.Error) -> Response:
    """A file that cannot be read is no bug; a wrong statement is."""
    reason = unreadable(error)
    if reason is None:
        return await _bug(error)
    logger.error("%s %s: %s", request.method, shown_url(request.path, ""), reason.message)
    return await _refused(reason)


async def _bug(error: Exception) -> Response:
    logger.exception("%s %s failed", request.method, shown_url(request.path, ""))
    return await _refusal(500, "", {})
