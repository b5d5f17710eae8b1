"""The client of programs on trio or asyncio."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar

import anyio
import httpx

from web.client.connection import Connection
from web.client.facade import Awaited, Facade
from web.client.models import Page
from web.client.repeating import repeated
from web.client.steps import Ask, Follow, Left, Pause, Reply, Step, Steps
from web.http1.server_sent_events import LineReader

T = TypeVar("T")


def _of_call(call: Callable[..., Steps[T]]) -> Callable[..., Coroutine[Any, Any, T]]:
    async def method(self: AsyncHub, /, *args: Any, **kwargs: Any) -> T:
        return await self.take(call(*args, **kwargs))

    return method


def _of_each(call: Callable[..., Steps[Page[T]]]) -> Callable[..., AsyncIterator[T]]:
    async def method(self: AsyncHub, /, *args: Any, **kwargs: Any) -> AsyncIterator[T]:
        offset: int | None = 0
        while offset is not None:
            page = await self.take(call(offset, *args, **kwargs))
            for item in page.items:
                yield item
            following = page.position.next
            offset = following.offset if following else None

    return method


class AsyncHub(Connection, Awaited, Facade, of_call=_of_call, of_each=_of_each):
    """See web.client. `api_url`: such as `http://127.0.0.1:8000/hub/api`. `attempts`: how often a request is tried."""

    def __init__(
        self,
        api_url: str = "",
        token: str = "",
        *,
        attempts: int = 6,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(api_url, token, attempts)
        self._http = httpx.AsyncClient(**self._options(transport))

    async def __aenter__(self) -> AsyncHub:
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    # --- taking the steps ---

    async def take(self, steps: Steps[T]) -> T:
        """The outcome of a call, each request repeated as often as it takes."""
        steps = repeated(steps, self._attempts)
        reply: Reply = None
        while True:
            try:
                step = steps.send(reply)
            except StopIteration as end:
                result: T = end.value
                return result
            reply = await self._take_one(step)

    async def _take_one(self, step: Step) -> Reply:
        match step:
            case Ask():
                try:
                    return self._answer(await self._http.request(**self._request(step)))
                except httpx.TransportError as error:
                    return self._broken(step, error)
            case Follow():
                return await self._follow(step)
            case Pause(seconds):
                await anyio.sleep(seconds)
                return None

    async def _follow(self, step: Follow) -> Left:
        """Until it ends, breaks, or there is no need for more: whoever waits looks for itself then."""
        reader = LineReader(step.last_id)
        # Cancelled rather than broken out of: so httpx's generators come to their ends.
        with anyio.move_on_after(step.timeout) as scope, contextlib.suppress(httpx.TransportError):
            async with self._http.stream(**self._stream(step)) as response:
                if response.is_success:
                    async for line in response.aiter_lines():
                        event = reader.line(line)
                        if event and step.each(event):
                            scope.cancel()
        return Left()
