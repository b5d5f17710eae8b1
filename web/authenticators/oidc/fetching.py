"""Questions to a provider: bounded in time, size and number, and never sent on to another address."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import certifi
import httpx
import trio
from msgspec import Struct

from core.config.logins.oidc_urls import is_acceptable
from core.settings import OIDCSettings
from web.authenticators.oidc.refusals import logger, quoted, unreachable

MAX_ANSWER = 512 * 1024  # bytes: documents with keys and claims have a few thousand
AT_ONCE = 20  # questions to the provider: more wait for their turn

Connect = Callable[[], httpx.AsyncClient]


class Reply(Struct, frozen=True):
    status: int
    body: bytes
    content_type: str


def connect_with(settings: OIDCSettings) -> Connect:
    """Clients that share one TLS context, which takes a while to make: it is made for the first of them."""
    contexts: list[ssl.SSLContext] = []

    def connect() -> httpx.AsyncClient:
        if not contexts:
            contexts.append(tls_context(verify=settings.validate_server_cert))
        return httpx.AsyncClient(verify=contexts[0])

    return connect


def tls_context(*, verify: bool) -> ssl.SSLContext:
    """Trusts whom the system trusts, where a campus puts its own authority, and whom browsers trust.

    `SSL_CERT_FILE` and `SSL_CERT_DIR` in the environment stand instead of both.
    """
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif not os.environ.get("SSL_CERT_FILE") and not os.environ.get("SSL_CERT_DIR"):
        context.load_verify_locations(certifi.where())
    return context


class Fetcher:
    def __init__(self, settings: OIDCSettings, connect: Connect | None = None) -> None:
        self._seconds = settings.request_timeout
        self._allow_http = settings.allow_http
        self._connect = connect or connect_with(settings)
        self._turns = trio.CapacityLimiter(AT_ONCE)

    async def get(
        self, url: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Raises UnavailableError for a provider that is down, slow, or answers without end."""
        return await self._ask("GET", url, params=params, headers=headers)

    async def post(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Raises UnavailableError, as `get` does."""
        return await self._ask("POST", url, form=form, headers=headers)

    async def _ask(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        host = quoted(urlsplit(url).netloc.rpartition("@")[2])
        if not is_acceptable(url, allow_http=self._allow_http):
            raise unreachable(f"the login provider names an address at {host} that is not https")
        try:
            with trio.fail_after(self._seconds):
                async with self._turns, self._connect() as client:
                    wanted = {"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})}
                    async with client.stream(
                        method, url, params=params or None, data=form, headers=wanted, timeout=None
                    ) as response:
                        return await _read(response, host)
        except trio.TooSlowError:
            raise unreachable(f"{host} did not answer within {self._seconds:g} seconds") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ssl.SSLError) as error:
            logger.warning("%s could not be asked: %s", host, _why(error))
            raise unreachable(f"{host} could not be reached") from None


def _why(error: BaseException) -> str:
    """What is behind it, such as a certificate: httpx itself says little."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return f"{type(error).__name__}: {error}"


async def _read(response: httpx.Response, host: str) -> Reply:
    """What is packed is not read: a few bytes can unpack to any number."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise unreachable(f"{host} sent a packed answer, which was not asked for")
    body = bytearray()
    with trio.CancelScope() as enough:
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > MAX_ANSWER:
                enough.cancel()  # from within: breaking off here would leave httpx's own generators open
    if len(body) > MAX_ANSWER:
        raise unreachable(f"{host} sent too large an answer")
    if response.status_code >= 500 or response.status_code == 429:
        raise unreachable(f"{host} answered with status {response.status_code}")
    return Reply(response.status_code, bytes(body), response.headers.get("Content-Type", ""))
