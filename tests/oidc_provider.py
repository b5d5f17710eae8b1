"""A small OpenID Connect provider, honest unless told otherwise.

Run as a module it serves HTTP on a free port, or HTTPS with the certificate and key in the file it is given (at the
URL behind that, if there is one).

It keeps its side of the protocol strictly: registered redirect URI, PKCE with S256, a code that is good once, the
client's secret. A `Fault` makes it, or whoever pretends to be it, misbehave in one way.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import secrets
import ssl
import sys
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

CLIENT_ID = "callboard"
CLIENT_SECRET = "secret-of-the-client"
PERSON = {
    "sub": "0001",
    "preferred_username": "Bob",
    "name": "Bob B.",
    "email": "bob@example.org",
    "email_verified": True,
    "groups": ["students", "staff"],
}

Answer = tuple[int, dict[str, str], bytes]
SigningKey = RSAKey | ECKey | OKPKey


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def answer(document: Any, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(document).encode()


class Provider:
    """`fault`: how it misbehaves. `person`: who logs in, and what is said of them."""

    def __init__(self, issuer: str = "http://127.0.0.1:9", *, key: SigningKey | None = None) -> None:
        self.issuer = issuer
        self.fault = ""
        self.person: dict[str, Any] = dict(PERSON)
        self.userinfo: dict[str, Any] | None = None  # None: as the person
        self.claims: dict[
            str, Any
        ] = {}  # of the ID token, besides or instead of what is right; None: left out
        self.metadata: dict[str, Any] = {}
        self.key = key or RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})
        self.algorithm = "RS256"
        self.published: list[dict[str, Any]] = [self.key.as_dict(private=False)]
        self.asked: list[str] = []  # the paths, in order
        self._codes: dict[str, dict[str, str]] = {}
        self._refresh_tokens: dict[str, str] = {}
        self._access_tokens: set[str] = set()
        self.refreshes = 0
        self.left_out: list[str] = []  # of the answer to a refresh

    def handle(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        parts = urlsplit(url)
        self.asked.append(parts.path)
        fields = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        match method, parts.path:
            case "GET", "/.well-known/openid-configuration":
                return answer(self._description())
            case "GET", "/keys":
                return answer({"keys": self.published})
            case "GET", "/authorize":
                return self._authorize(query)
            case "POST", "/token":
                return self._token(fields, headers)
            case "GET", "/userinfo":
                return self._userinfo(headers)
            case "POST", "/control":
                for name, value in json.loads(body).items():
                    setattr(self, name, value)
                return answer({})
        return answer({"error": "not_found"}, 404)

    def _description(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": [self.algorithm],
            "authorization_response_iss_parameter_supported": True,
            **self.metadata,
        }

    def _authorize(self, query: dict[str, str]) -> Answer:
        """Whoever comes is logged in at once."""
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT_ID
        assert query.get("code_challenge_method") == "S256"
        back = {"state": query["state"], "iss": self.issuer}
        if self.fault == "denied":
            back |= {"error": "access_denied", "error_description": "<b>no</b>"}
        else:
            back["code"] = secrets.token_urlsafe(16)
            self._codes[back["code"]] = query
        return 302, {"Location": f"{query['redirect_uri']}?{urlencode(back)}"}, b""

    def _token(self, fields: dict[str, str], headers: Mapping[str, str]) -> Answer:
        if not self._is_the_client(fields, headers):
            return answer({"error": "invalid_client"}, 401)
        if fields.get("grant_type") == "refresh_token":
            self.refreshes += 1
            nonce = self._refresh_tokens.pop(fields["refresh_token"], None)
            if nonce is None:
                return answer({"error": "invalid_grant"}, 400)
            return answer({k: v for k, v in self._grant(None).items() if k not in self.left_out})
        asked = self._codes.pop(fields.get("code", ""), None)
        verifier = fields.get("code_verifier", "")
        challenge = base64url(hashlib.sha256(verifier.encode()).digest())
        if (
            asked is None
            or fields.get("grant_type") != "authorization_code"
            or asked["redirect_uri"] != fields.get("redirect_uri")
            or asked["code_challenge"] != challenge
        ):
            return answer({"error": "invalid_grant"}, 400)
        return answer(self._grant(asked.get("nonce")))

    def _is_the_client(self, fields: dict[str, str], headers: Mapping[str, str]) -> bool:
        basic = headers.get("authorization", "")
        if basic.startswith("Basic "):
            name, _, secret = base64.b64decode(basic.removeprefix("Basic ")).decode().partition(":")
            return (unquote_plus(name), unquote_plus(secret)) == (CLIENT_ID, CLIENT_SECRET)
        return (fields.get("client_id"), fields.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)

    def _grant(self, nonce: str | None) -> dict[str, Any]:
        access_token, refresh_token = f"access-{secrets.token_hex(8)}", f"refresh-{secrets.token_hex(8)}"
        self._access_tokens.add(access_token)
        self._refresh_tokens[refresh_token] = nonce or ""
        return {
            "access_token": access_token,
            "token_type": "Bearer",
            "refresh_token": refresh_token,
            "id_token": self.id_token(nonce, access_token),
            "scope": "openid profile email",
            "expires_in": 300,
        }

    def id_token(self, nonce: str | None, access_token: str = "") -> str:
        now = int(time.time())
        claims = {
            **self.person,
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "at_hash": base64url(hashlib.sha256(access_token.encode()).digest()[:16]),
            **self.claims,
        }
        return self._sign({name: value for name, value in claims.items() if value is not None})

    def _sign(self, claims: dict[str, Any]) -> str:
        payload = json.dumps(claims).encode()
        header = {"alg": self.algorithm, "kid": str(self.key.kid)}
        match self.fault:
            case "unsigned":
                return f"{base64url(json.dumps(header | {'alg': 'none'}).encode())}.{base64url(payload)}."
            case "hmac with the public key":
                shared = self.key.as_pem(private=False)
                text = f"{base64url(json.dumps(header | {'alg': 'HS256'}).encode())}.{base64url(payload)}"
                return f"{text}.{base64url(hmac.digest(shared, text.encode(), 'sha256'))}"
            case "another's key under the same name":
                other = RSAKey.generate_key(2048, {"kid": str(self.key.kid)})
                return jws.serialize_compact(header, payload, other, algorithms=["RS256"])
            case "a key nobody lists":
                other = RSAKey.generate_key(2048, {"kid": "unlisted"})
                return jws.serialize_compact(
                    header | {"kid": "unlisted"}, payload, other, algorithms=["RS256"]
                )
        return jws.serialize_compact(header, payload, self.key, algorithms=[self.algorithm])

    def rotate(self) -> None:
        """From now on it signs with another key, and lists that one alone."""
        self.key = RSAKey.generate_key(2048, {"kid": f"later-{secrets.token_hex(4)}", "use": "sig"})
        self.published = [self.key.as_dict(private=False)]

    def _userinfo(self, headers: Mapping[str, str]) -> Answer:
        if headers.get("authorization", "").removeprefix("Bearer ") not in self._access_tokens:
            return answer({"error": "invalid_token"}, 401)
        return answer(self.person if self.userinfo is None else self.userinfo)


class _Handler(http.server.BaseHTTPRequestHandler):
    """`fault`: "slow" sleeps before it answers, "huge" sends without end, "down" breaks off."""

    provider: Provider
    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self.path not in ("/control", "/asked"):
            match self.provider.fault:
                case "slow":
                    time.sleep(3600)
                case "down":
                    return
                case "huge":
                    self._send_without_end()
                    return
        if self.path == "/asked":
            status, sent, content = answer(self.provider.asked)
        else:
            status, sent, content = self.provider.handle(self.command, self.path, headers, body)
        self.send_response(status)
        for name, value in sent.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _send_without_end(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b" " * 65536)
        except OSError:
            return


def main() -> None:
    """Arguments: a file with certificate and key; and what it calls itself, where that is not its address."""
    named = urlsplit(sys.argv[2]) if len(sys.argv) > 2 else None
    port = (named.port or 443) if named else 0
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), _Handler)
    server.daemon_threads = True
    scheme = "http"
    if len(sys.argv) > 1:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(sys.argv[1])
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    issuer = named.geturl() if named else f"{scheme}://localhost:{server.server_port}"
    _Handler.provider = Provider(issuer)
    sys.stdout.write(f"{issuer}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
