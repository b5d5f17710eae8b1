"""The client of programs without an event loop."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, TypeVar

import httpx

from web.client.connection import Connection
from web.client.facade import Blocking, Facade
from web.client.models import Page
from web.client.repeating import repeated
from web.client.steps import Ask, Follow, Left, Pause, Reply, Step, Steps
from web.http1.server_sent_events import LineReader

T = TypeVar("T")


def _of_call(call: Callable[..., Steps[T]]) -> Callable[..., T]:
    def method(self: Hub, /, *args: Any, **kwargs: Any) -> T:
        return self.take(call(*args, **kwargs))

    return method


def _of_each(call: Callable[..., Steps[Page[T]]]) -> Callable[..., Iterator[T]]:
    def method(self: Hub, /, *args: Any, **kwargs: Any) -> Iterator[T]:
        offset: int | None = 0
        while offset is not None:
            page = self.take(call(offset, *args, **kwargs))
            yield from page.items
            following = page.position.next
            offset = following.offset if following else None

    return method


class Hub(Connection, Blocking, Facade, of_call=_of_call, of_each=_of_each):
    """See web.client. `api_url`: such as `http://127.0.0.1:8000/hub/api`. `attempts`: how often a request is tried."""

    def __init__(
        self,
        api_url: str = "",
        token: str = "",
        *,
        attempts: int = 6,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        super().__init__(api_url, token, attempts)
        self._http = httpx.Client(**self._options(transport))

    def __enter__(self) -> Hub:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    # --- taking the steps ---

    def take(self, steps: Steps[T]) -> T:
        """The outcome of a call, each request repeated as often as it takes."""
        steps = repeated(steps, self._attempts)
        reply: Reply = None
        while True:
            try:
                step = steps.send(reply)
            except StopIteration as end:
                result: T = end.value
                return result
            reply = self._take_one(step)

    def _take_one(self, step: Step) -> Reply:
        match step:
            case Ask():
                try:
                    return self._answer(self._http.request(**self._request(step)))
                except httpx.TransportError as error:
                    return self._broken(step, error)
            case Follow():
                return self._follow(step)
            case Pause(seconds):
                time.sleep(seconds)
                return None

    def _follow(self, step: Follow) -> Left:
        """Until it ends, breaks, or there is no need for more: whoever waits looks for itself then."""
        reader, until = LineReader(step.last_id), time.monotonic() + step.timeout
        with contextlib.suppress(httpx.TransportError), self._http.stream(**self._stream(step)) as response:
            for line in response.iter_lines() if response.is_success else ():
                event = reader.line(line)
                if (event and step.each(event)) or time.monotonic() > until:
                    break
        return Left()
