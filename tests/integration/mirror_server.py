"""A server of somebody that tells what reached it: the path as it was sent, headers, and how long the body was.

Of a WebSocket it says each message back. `GET {prefix}ticks` begins at once and goes on for as long as it is read.
"""

import asyncio
import os
from urllib.parse import urlsplit

from tornado import ioloop, web, websocket

PREFIX = os.environ["JUPYTERHUB_SERVICE_PREFIX"]


class Echo(websocket.WebSocketHandler):
    def on_message(self, message: str | bytes) -> None:
        self.write_message(message)


class Ticks(web.RequestHandler):
    async def get(self) -> None:
        self.set_header("Content-Type", "text/event-stream")
        while True:
            self.write("data: tick\n\n")
            await self.flush()
            await asyncio.sleep(0.1)


class Mirror(web.RequestHandler):
    def get(self) -> None:
        self.write(
            {
                "target": self.request.uri,
                "headers": dict(self.request.headers.items()),
                "length": len(self.request.body),
            }
        )

    post = get


pages = [(f"{PREFIX}ws", Echo), (f"{PREFIX}ticks", Ticks), (".*", Mirror)]
port = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"]).port
web.Application(pages).listen(port or 80, "127.0.0.1", max_buffer_size=2**30)
ioloop.IOLoop.current().start()
