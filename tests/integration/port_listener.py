"""A place for servers to tell their port, without a hub: `POST /port`, with the spawn id for a token."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from core.errors import ConflictError, NotFoundError


class PortListener:
    """`told`: called in a thread with token and port; a refusal that it raises is what the server is answered."""

    def __init__(self, told: Callable[[str, int], None]) -> None:
        self.answers: list[int] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler(told))
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    def _handler(listener, told: Callable[[str, int], None]) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                token = self.headers["Authorization"].removeprefix("token ")
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                try:
                    told(token, body["port"])
                    status = 204
                except NotFoundError:
                    status = 404
                except ConflictError:
                    status = 409
                except RuntimeError:
                    status = 503
                listener.answers.append(status)
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
