"""A socket before an engine's, which passes everything on and notes what was asked when."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from contextlib import suppress
from pathlib import Path


class CountingSocket:
    """`asked`: moments, and the first lines of requests."""

    def __init__(self, path: Path, engine: Path) -> None:
        self.host = f"unix://{path}"
        self.asked: list[tuple[float, str]] = []
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                outer.relay(self.request, engine)

        class Server(socketserver.ThreadingUnixStreamServer):
            request_queue_size = 1000
            daemon_threads = True

        self._server = Server(str(path), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def moments_of(self, begin: str) -> list[float]:
        """When something was asked for whose first line begins so."""
        return sorted(moment for moment, line in self.asked if line.startswith(begin))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def relay(self, client: socket.socket, engine: Path) -> None:
        with socket.socket(socket.AF_UNIX) as server:
            server.connect(str(engine))
            head = client.recv(65536)
            self.asked.append((time.monotonic(), head.partition(b"\r\n")[0].decode()))
            server.sendall(head)
            back = threading.Thread(target=_copy, args=(server, client), daemon=True)
            back.start()
            _copy(client, server)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for one in (source, target):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
