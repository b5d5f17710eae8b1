"""The hub under load: its addresses, the administrator's client, and connections that all people share a pool of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit

import httpx

from web.client.asynchronous import AsyncHub
from web.client.connection import TIMEOUT
from web.client.errors import HubError, RefusedError
from web.commands.loadtest.measured import Failed, Refused

LATER = (429, 503)  # refusals that will be over


class Transport(httpx.AsyncBaseTransport):
    """One for all people, so that its certificates are read once; it outlives their clients. As many connections
    as there are requests and streams at once, each used again later, by whoever comes."""

    def __init__(self) -> None:
        self._pool = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=None))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._pool.handle_async_request(request)

    async def end(self) -> None:
        await self._pool.aclose()


class Hub:
    """`url`: where people come in, such as http://127.0.0.1:8000, with a base URL or without."""

    def __init__(self, url: str, token: str, transport: Transport) -> None:
        base = url.rstrip("/").removesuffix("/hub/api").removesuffix("/hub")
        self.pages = f"{base}/hub"
        self._origin = "{0.scheme}://{0.netloc}".format(urlsplit(base))
        self._transport = transport
        self._token = token
        self.admin = self.client_of(token)

    def client_of(self, token: str) -> AsyncHub:
        """Which does not ask again by itself: a refusal is what this is about."""
        return AsyncHub(f"{self.pages}/api", token, attempts=1, transport=self._transport)

    def browser(self) -> httpx.AsyncClient:
        """With cookies of its own."""
        return httpx.AsyncClient(transport=self._transport, timeout=TIMEOUT, trust_env=False)

    async def metrics(self) -> str:
        """In the text format of Prometheus. Raises Failed."""
        headers = {"Authorization": f"token {self._token}"}
        async with self.browser() as browser:
            with told():
                return check(await browser.get(f"{self.pages}/metrics", headers=headers), 200).text

    def server_url(self, path: str) -> str:
        return f"{self._origin}{path}"


@asynccontextmanager
async def hub_at(url: str, token: str) -> AsyncIterator[Hub]:
    transport = Transport()
    try:
        yield Hub(url, token, transport)
    finally:
        await transport.end()


@contextmanager
def told() -> Iterator[None]:
    """Errors of the client and of httpx as Refused and Failed."""
    try:
        yield
    except RefusedError as error:
        if error.status >= 500 and error.status not in LATER:
            raise Failed(str(error)) from error
        raise Refused(error.status, error.message, error.retry_after) from error
    except (HubError, TimeoutError) as error:
        raise Failed(str(error) or type(error).__name__) from error
    except httpx.HTTPError as error:
        raise Failed(f"{type(error).__name__}: {error}") from error


def check(response: httpx.Response, good: int) -> httpx.Response:
    """Raises Failed for another status."""
    if response.status_code != good:
        path = f"{response.request.method} {response.url.path}"
        raise Failed(f"{response.status_code} {response.reason_phrase} ({path})")
    return response
