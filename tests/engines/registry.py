"""A registry of images on 127.0.0.1, with one image: engines pull from it without TLS. `slow`: it takes so long.

Source of what it answers: the distribution API of container registries, version 2.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_PIECE = 2**16


class Registry:
    """`layer`: a file system as a tar archive. `slow`: seconds that sending it takes. `login`: `user:password`."""

    def __init__(self, repository: str, tag: str, layer: bytes, *, slow: float = 0, login: str = "") -> None:
        packed = gzip.compress(layer, 1)
        config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {},
                "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
            }
        ).encode()
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": _part("application/vnd.docker.container.image.v1+json", config),
                "layers": [_part("application/vnd.docker.image.rootfs.diff.tar.gzip", packed)],
            }
        ).encode()
        self.manifests_asked = 0
        self._slow = slow
        self._login = f"Basic {base64.b64encode(login.encode()).decode()}" if login else ""
        self._blobs = {_digest(blob): blob for blob in (packed, config)}
        self._manifests = dict.fromkeys((tag, _digest(manifest)), manifest)
        self._repository = repository
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.image = f"127.0.0.1:{self._server.server_port}/{repository}:{tag}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str, login: str | None) -> tuple[int, str, bytes]:
        """Status, type and body."""
        if self._login and login != self._login:
            return (
                401,
                "application/json",
                b'{"errors": [{"code": "UNAUTHORIZED", "message": "who are you"}]}',
            )
        rest = path.removeprefix("/v2/")
        if not rest:
            return 200, "application/json", b"{}"
        name, kind, reference = rest.rsplit("/", 2)
        known = self._manifests if kind == "manifests" else self._blobs
        self.manifests_asked += kind == "manifests"
        if name != self._repository or reference not in known:
            return (
                404,
                "application/json",
                b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "unknown"}]}',
            )
        return 200, MANIFEST if kind == "manifests" else "application/octet-stream", known[reference]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, kind, body = registry.answer(self.path, self.headers.get("Authorization"))
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
                self.send_header("Docker-Content-Digest", _digest(body))
                if status == 401:
                    self.send_header("WWW-Authenticate", 'Basic realm="tests"')
                self.end_headers()
                if self.command == "GET":
                    registry.send(self.wfile, body)

            do_HEAD = do_GET

            def log_message(self, *args: Any) -> None:
                """Nothing."""

        return Handler

    def send(self, file: Any, body: bytes) -> None:
        pause = self._slow * _PIECE / len(body) if len(body) > _PIECE else 0
        try:
            for begin in range(0, len(body), _PIECE):
                file.write(body[begin : begin + _PIECE])
                time.sleep(pause)
        except ConnectionError:  # the pull was given up
            return


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _part(kind: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": kind, "size": len(content), "digest": _digest(content)}
