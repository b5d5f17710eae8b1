"""The application as an ASGI server knows it: Quart's test client, and hypercorn, where the setting asks for it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, cast

import trio
from h11 import LocalProtocolError
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope, WebsocketScope
from quart.typing import ResponseTypes
from quart_trio import QuartTrio
from quart_trio.asgi import TrioASGIHTTPConnection

from core.cancellation import cancelled_when
from web.hub.hub import Hub
from web.request.sent.received import Request
from web.site.bounds import are_too_many_cookies


class ASGIConnection(TrioASGIHTTPConnection):
    """One request.

    Paths reach the routes as they were sent. A body that is known goes out with its end in one piece, and
    that piece is shielded: quart-trio cancels this task's nursery after it, and a hypercorn that is
    interrupted there never starts its keep-alive timer again.
    """

    def __init__(self, app: QuartTrio, scope: HTTPScope) -> None:
        scope["path"] = scope["raw_path"].decode("latin-1").partition("?")[0] or "/"
        headers = [pair for pair in scope["headers"] if pair[0] != b"host" or _is_host(pair[1])]
        scope["headers"] = without_too_many_cookies(headers)
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

        async with cancelled_when(over):
            await super()._send_response(cast(ASGISendCallable, send_on), response)
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


def without_too_many_cookies(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    if not are_too_many_cookies([value for name, value in headers if name == b"cookie"]):
        return headers
    return [pair for pair in headers if pair[0] != b"cookie"]
