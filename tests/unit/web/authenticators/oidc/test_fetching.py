"""Questions to a provider have bounds."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import trio

from core.errors import UnavailableError
from tests.unit.web.authenticators.oidc.world import oidc_settings
from web.authenticators.oidc.fetching import AT_ONCE, MAX_ANSWER, Fetcher, Reply

URL = "https://login.example/x"


class Endless(httpx.AsyncByteStream):
    def __init__(self) -> None:
        self.sent = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await trio.sleep(0.001)
            self.sent += 1000
            yield b" " * 1000


class Dripping(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await trio.sleep(1)
            yield b" "


def fetcher_of(stream: httpx.AsyncByteStream, **settings: object) -> Fetcher:
    async def handle(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=stream)

    return Fetcher(
        oidc_settings("", **settings), lambda: httpx.AsyncClient(transport=httpx.MockTransport(handle))
    )


async def test_an_answer_without_end_is_read_to_the_limit_and_no_further(autojump_clock):
    stream = Endless()
    with pytest.raises(UnavailableError, match="too large an answer"):
        await fetcher_of(stream).get(URL)
    assert stream.sent <= MAX_ANSWER + 2000


async def test_an_answer_that_comes_by_the_drop_is_given_up(autojump_clock):
    with pytest.raises(UnavailableError, match="within 3 seconds"), trio.fail_after(4):
        await fetcher_of(Dripping(), request_timeout=3).get(URL)


@pytest.mark.parametrize(
    "url", ["http://login.example/x", "ftp://login.example", "https://u:p@login.example"]
)
async def test_an_unsafe_address_is_not_asked(url):
    fetcher = fetcher_of(httpx.ByteStream(b"{}"))
    with pytest.raises(UnavailableError, match="not https") as refusal:
        await fetcher.get(url)
    assert "u:p" not in refusal.value.message


async def test_where_the_configuration_allows_it_http_is_asked():
    fetcher = fetcher_of(httpx.ByteStream(b"{}"), allow_http=True)
    assert await fetcher.get("http://login.example/x") == Reply(200, b"{}", "")


async def test_so_many_questions_are_under_way_at_once(autojump_clock):
    under_way, most = 0, 0

    async def handle(_: httpx.Request) -> httpx.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await trio.sleep(1)
        under_way -= 1
        return httpx.Response(200, stream=httpx.ByteStream(b"{}"))

    fetcher = Fetcher(oidc_settings(""), lambda: httpx.AsyncClient(transport=httpx.MockTransport(handle)))
    async with trio.open_nursery() as nursery:
        for _ in range(3 * AT_ONCE):
            nursery.start_soon(fetcher.get, URL)
    assert most == AT_ONCE
