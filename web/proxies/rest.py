"""The REST API of configurable-http-proxy, as far as a hub needs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import msgspec

from core.reconcile.routes import Held, Told, as_sent
from web.proxies.carrier import TroubleError

TOKEN_VARIABLE = "CONFIGPROXY_AUTH_TOKEN"  # noqa: S105 -- its name
_TIMEOUT = httpx.Timeout(3.0)  # to connect, and between two pieces of an answer
_ROUTES = dict[str, dict[str, Any]]


class RestAPI:
    """`api_url`: without `/api`: `http://127.0.0.1:8001`, or `http+unix://%2Frun%2Fproxy.sock`. Raises TroubleError."""

    def __init__(self, api_url: str, token: str) -> None:
        self._api_url = api_url.rstrip("/")
        self._token = token
        self._client = _client(self._api_url)
        self._has_moved = False

    @property
    def name(self) -> str:
        return f"configurable-http-proxy at {self._api_url}"

    def move(self, api_url: str, token: str) -> None:
        """From the next request on; what is empty stays."""
        self._api_url = api_url.rstrip("/") or self._api_url
        self._token = token or self._token
        self._has_moved = True

    async def close(self) -> None:
        await self._client.aclose()

    async def routes(self) -> Held:
        with _nonsense():
            return msgspec.json.decode((await self._ask("GET", "/")).content, type=_ROUTES)

    async def has(self, spec: str) -> bool:
        return (await self._ask("GET", _place(spec), 404)).status_code != 404

    async def set(self, spec: str, told: Told) -> None:
        await self._ask("POST", _place(spec), body=msgspec.json.encode({"target": told.target, **told.data}))

    async def remove(self, path: str) -> None:
        await self._ask("DELETE", as_sent(path), 404)

    async def _ask(self, method: str, path: str, allowed: int = 200, body: bytes = b"") -> httpx.Response:
        if self._has_moved:
            self._has_moved, former, self._client = False, self._client, _client(self._api_url)
            await former.aclose()
        headers = {"Authorization": f"token {self._token}", "Content-Type": "application/json"}
        with _in_words():
            answer = await self._client.request(method, f"/api/routes{path}", content=body, headers=headers)
        if answer.is_success or answer.status_code == allowed:
            return answer
        if answer.status_code in (401, 403):
            raise TroubleError(f"refuses this hub's token: {TOKEN_VARIABLE} is another there")
        raise TroubleError(f"answers with {answer.status_code} to {method} of a route")


def _client(api_url: str) -> httpx.AsyncClient:
    """Proxies that the environment names are for other places: this one is the hub's own."""
    parts = urlsplit(api_url)
    if parts.scheme != "http+unix":
        return httpx.AsyncClient(base_url=api_url, timeout=_TIMEOUT, trust_env=False)
    transport = httpx.AsyncHTTPTransport(uds=unquote(parts.netloc))
    return httpx.AsyncClient(base_url="http://localhost", timeout=_TIMEOUT, transport=transport)


def _place(spec: str) -> str:
    """`/user/a%20b/` as the end of a URL: `/user/a%20b`."""
    return f"/{spec.strip('/')}"


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise TroubleError("takes no connections") from error
    except httpx.TimeoutException as error:
        raise TroubleError("does not answer") from error
    except httpx.HTTPError as error:
        raise TroubleError("broke off a connection") from error


@contextmanager
def _nonsense() -> Iterator[None]:
    try:
        yield
    except msgspec.MsgspecError as error:
        raise TroubleError("speaks another language: is its API at this address?") from error
