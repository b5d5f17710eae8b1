"""A kernel of a server, started by its REST API, and the cells that run in it over its WebSocket."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio
from trio_websocket import ConnectionClosed, HandshakeError, WebSocketConnection, open_websocket_url

from web.commands.loadtest.measured import Failed

TIMEOUT = 60.0  # seconds for one cell


class Kernel:
    def __init__(self, socket: WebSocketConnection) -> None:
        self._socket = socket
        self._session = uuid.uuid4().hex

    async def run(self, code: str) -> None:
        """Until the kernel says that it has run the cell. Raises Failed."""
        message = self._execute_request(code)
        try:
            with trio.fail_after(TIMEOUT):
                await self._socket.send_message(json.dumps(message))
                while not self._is_reply(await self._socket.get_message(), message["header"]["msg_id"]):
                    pass
        except trio.TooSlowError:
            raise Failed(f"no reply within {TIMEOUT:.0f} s") from None
        except ConnectionClosed as closed:
            raise Failed(f"the WebSocket was closed ({closed.reason})") from None

    def _execute_request(self, code: str) -> dict[str, Any]:
        header = {
            "msg_id": uuid.uuid4().hex,
            "session": self._session,
            "username": "",
            "msg_type": "execute_request",
            "version": "5.3",
        }
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
        return {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}

    def _is_reply(self, received: str | bytes, asked: str) -> bool:
        if isinstance(received, bytes):
            return False
        message = json.loads(received)
        return bool(
            message["msg_type"] == "execute_reply" and message["parent_header"].get("msg_id") == asked
        )


@asynccontextmanager
async def channels(server_url: str, kernel_id: str, token: str) -> AsyncIterator[Kernel]:
    """`server_url`: ends with a slash. Raises Failed, also for a socket that is refused."""
    url = f"ws{server_url.removeprefix('http')}api/kernels/{kernel_id}/channels"
    try:
        async with open_websocket_url(
            url, extra_headers=[(b"Authorization", f"token {token}".encode())]
        ) as socket:
            yield Kernel(socket)
    except (HandshakeError, OSError) as error:
        raise Failed(f"no WebSocket: {error or type(error).__name__}") from None
