"""Whoever logs people in for other sites: OAuth's three endpoints, as GitHub, Google, Azure AD and others have them.

Each keeps to what those authenticators need: a code that is good once and bound to the client's redirect URI and PKCE
challenge, a token, and what is known of the person, also as an ID token.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT_ID, CLIENT_SECRET = "the-client", "canary-client-secret-5b1d"


class Provider:
    """`person`: who is logged in there. `answers`: what other URLs say, by path."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.person: dict[str, Any] = {}
        self.answers: dict[str, Any] = {}
        self.is_down = False
        self.tokens: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser is sent."""
        assert query["client_id"] == CLIENT_ID
        code = secrets.token_urlsafe(16)
        self._codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def token(self, fields: dict[str, str]) -> tuple[int, Any]:
        asked = self._codes.pop(fields.get("code", ""), None)
        if asked is None or asked["redirect_uri"] != fields.get("redirect_uri"):
            return 400, {"error": "invalid_grant"}
        if challenge := asked.get("code_challenge"):
            digest = hashlib.sha256(fields["code_verifier"].encode()).digest()
            assert _base64url(digest) == challenge
        self.tokens.append(f"canary-access-{secrets.token_hex(8)}")
        claims = self.person | {"aud": CLIENT_ID, "iss": self.url}
        return 200, {
            "access_token": self.tokens[-1],
            "token_type": "bearer",
            "id_token": f"{_part({'alg': 'HS256'})}.{_part(claims)}.{_base64url(b'not looked at')}",
        }


@contextmanager
def running_provider() -> Iterator[Provider]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    provider = _Handler.provider = Provider(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    provider: Provider

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if self.provider.is_down:
            self._send(503, {})
        elif parts.path.endswith(("/authorize", "/auth")):
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            self.send_response(302)
            self.send_header("Location", self.provider.authorize(query))
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif parts.path in self.provider.answers:
            self._send(200, self.provider.answers[parts.path])
        elif any(token in self.headers.get("Authorization", "") for token in self.provider.tokens):
            self._send(200, self.provider.person)
        else:
            self._send(401, {"error": "who are you?"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if "token" in urlsplit(self.path).path:
            self._send(*self.provider.token({name: values[0] for name, values in parse_qs(body).items()}))
        else:
            self._send(200, self.provider.person)

    def _send(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _part(value: dict[str, Any]) -> str:
    return _base64url(json.dumps(value).encode())
