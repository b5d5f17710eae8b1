"""What both clients know of HTTP: addresses, headers, and which broken requests may be repeated."""

from __future__ import annotations

import os
from typing import Any

import httpx

from web.client.steps import Answer, Ask, Broken, Follow

# Seconds. A stream of events is kept alive every 8 s: one that is silent for longer is broken.
TIMEOUT = httpx.Timeout(30.0, read=60.0)
SILENCE = httpx.Timeout(30.0, read=20.0)

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Connection:
    """The part of a client that is the same with and without `await`."""

    def __init__(self, api_url: str, token: str, attempts: int) -> None:
        self._api_url = (api_url or os.environ["JUPYTERHUB_API_URL"]).rstrip("/")
        self._token = token or os.environ["JUPYTERHUB_API_TOKEN"]
        self._attempts = attempts
        self._keeps_keys = False  # whether this hub is one that carries a command with the same key out once

    @property
    def api_url(self) -> str:
        return self._api_url

    def _options(self, transport: Any) -> dict[str, Any]:
        headers = {"Authorization": f"token {self._token}"}
        return {"headers": headers, "timeout": TIMEOUT, "transport": transport}

    def _request(self, asked: Ask) -> dict[str, Any]:
        headers = {"Accept": asked.accept}
        if asked.key:
            headers["Idempotency-Key"] = asked.key
        if asked.prefer:
            headers["Prefer"] = asked.prefer
        request: dict[str, Any] = {
            "method": asked.method,
            "url": self._api_url + asked.path,
            "headers": headers,
        }
        if asked.query:
            request["params"] = asked.query
        if asked.body is not None:
            request["json"] = asked.body
        return request

    def _stream(self, followed: Follow) -> dict[str, Any]:
        headers = {"Accept": "text/event-stream"}
        if followed.last_id:
            headers["Last-Event-ID"] = followed.last_id
        return {"method": "GET", "url": self._api_url + followed.path, "headers": headers, "timeout": SILENCE}

    def _answer(self, response: httpx.Response) -> Answer:
        headers = {name.lower(): value for name, value in response.headers.items()}
        self._keeps_keys |= "x-callboard-version" in headers
        return Answer(response.status_code, headers, response.content)

    def _broken(self, asked: Ask, error: httpx.TransportError) -> Broken:
        is_harmless = asked.method == "GET" or isinstance(error, _NEVER_SENT)
        return Broken(error, is_harmless or self._keeps_keys)
