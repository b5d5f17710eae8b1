"""The Quart application: every noun's routes, and how refusals and bugs leave the house."""

from __future__ import annotations

import logging
import time
from typing import Any, cast

import trio
from hypercorn.typing import ASGISendCallable, HTTPScope
from quart import Response, g, request
from quart.typing import ResponseTypes
from quart.wrappers import Request
from quart_trio import QuartTrio
from quart_trio.asgi import TrioASGIHTTPConnection
from werkzeug.exceptions import HTTPException

from core.errors import HubError
from web import answers, version
from web.api import hub as hub_api
from web.api import logs, progress, proxy, servers, services, start, tokens, users
from web.context import hub as the_hub
from web.errors import headers_of, phrase, status_of
from web.hub import Hub
from web.pages import fallback
from web.routing import install, new_request_id

logger = logging.getLogger("callboard.http")

API = (hub_api.noun, users.noun, tokens.noun, servers.noun, progress.noun, logs.noun, start.noun, services.noun, proxy.noun)


class Connection(TrioASGIHTTPConnection):
    """One request.

    Paths reach the routes as they were sent. A body that is known goes out with its end in one piece, and
    that piece is shielded: quart-trio cancels this task's nursery after it, and a hypercorn that is
    interrupted there never starts its keep-alive timer again.
    """

    def __init__(self, app: QuartTrio, scope: HTTPScope) -> None:
        scope["path"] = scope["raw_path"].decode("latin-1").partition("?")[0] or "/"
        super().__init__(app, scope)

    async def _send_response(self, send: ASGISendCallable, response: ResponseTypes) -> None:
        body = getattr(response.response, "data", None)
        if not isinstance(body, bytes):

            async def send_on(message: Any) -> None:
                is_end = message["type"] == "http.response.body" and not message.get("more_body", False)
                with trio.CancelScope(shield=is_end):
                    await send(message)

            await super()._send_response(cast(ASGISendCallable, send_on), response)
            return
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in response.headers]
        with trio.CancelScope(shield=True):
            await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
            await send({"type": "http.response.body", "body": body, "more_body": False})


def build_app(hub: Hub) -> QuartTrio:
    app = QuartTrio("callboard", static_folder=None)
    app.asgi_http_class = Connection  # type: ignore[assignment]
    app.extensions["callboard"] = hub
    app.config["MAX_CONTENT_LENGTH"] = hub.settings.callboard.max_body_size
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    base = hub.base_url.rstrip("/")
    install(app, API, f"{base}/hub/api")
    install(app, [fallback.inside], f"{base}/hub")
    install(app, [fallback.outside], base)
    app.before_request(_begin)
    app.after_request(_finish)
    app.register_error_handler(HubError, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _bug)
    return app


async def _begin() -> Response | None:
    g.request_id = new_request_id()
    g.began = time.monotonic()
    g.identity = None
    if request.method == "OPTIONS" and _is_api(request):
        return answers.empty(200, "text/html")
    return None


async def _finish(response: Response) -> Response:
    hub = the_hub()
    headers = response.headers
    headers["X-JupyterHub-Version"] = version.COMPATIBLE
    headers["X-Callboard-Version"] = version.OWN
    headers["X-Request-Id"] = g.get("request_id", "")
    headers["Access-Control-Allow-Headers"] = "accept, content-type, authorization"
    csp = f"frame-ancestors 'none'; report-uri {hub.base_url}hub/security/csp-report"
    headers["Content-Security-Policy"] = f"{csp}; default-src 'none'" if _is_api(request) else csp
    for name, value in hub.settings.hub.tornado_settings.headers.items():
        headers[name] = value
    if logger.isEnabledFor(logging.INFO):
        took = (time.monotonic() - g.get("began", 0)) * 1000
        who = g.identity.name if g.get("identity") else ""
        logger.info("%d %s %s (%s) %.1f ms", response.status_code, request.method, request.path, who, took)
    return response


def _is_api(asked: Request) -> bool:
    return "/hub/api" in asked.path


async def _refused(error: HubError) -> Response:
    status = status_of(error)
    return answers.refusal(status, error.message, headers_of(error))


async def _http_error(error: HTTPException) -> Response:
    """No such URL, no such method, a body too large."""
    status = error.code or 500
    message = "The body is too large." if status == 413 else phrase(status)
    return answers.refusal(status, message)


async def _bug(error: Exception) -> Response:
    logger.exception("%s %s failed", request.method, request.path)
    return answers.refusal(500)
