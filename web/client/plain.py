"""The client of programs without an event loop."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Concatenate, ParamSpec, TypeVar

import httpx

from web.client import calls, waiting
from web.client.connection import Connection
from web.client.facade import described_as
from web.client.models import Page
from web.client.repeating import repeated
from web.client.steps import Ask, Follow, Left, Pause, Reply, Step, Steps
from web.http1.server_sent_events import LineReader

P = ParamSpec("P")
T = TypeVar("T")


def _call(call: Callable[P, Steps[T]]) -> Callable[Concatenate[Hub, P], T]:
    @described_as(call)
    def method(self: Hub, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.take(call(*args, **kwargs))

    return method


def _each(call: Callable[Concatenate[int, P], Steps[Page[T]]]) -> Callable[Concatenate[Hub, P], Iterator[T]]:
    @described_as(call)
    def method(self: Hub, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        offset: int | None = 0
        while offset is not None:
            page = self.take(call(offset, *args, **kwargs))
            yield from page.items
            following = page.position.next
            offset = following.offset if following else None

    return method


class Hub(Connection):
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

    me = _call(calls.me)
    request = _call(calls.request)

    users = _each(calls.users)
    user = _call(calls.user)
    create_user = _call(calls.create_user)
    create_users = _call(calls.create_users)
    change_user = _call(calls.change_user)
    delete_user = _call(calls.delete_user)

    tokens = _call(calls.tokens)
    issue_token = _call(calls.issue_token)
    revoke_token = _call(calls.revoke_token)

    groups = _each(calls.groups)
    group = _call(calls.group)
    create_group = _call(calls.create_group)
    delete_group = _call(calls.delete_group)
    add_to_group = _call(calls.add_to_group)
    remove_from_group = _call(calls.remove_from_group)
    set_group_properties = _call(calls.set_group_properties)

    services = _call(calls.services)
    service = _call(calls.service)

    server = _call(calls.server)
    create_server = _call(calls.create_server)
    start = _call(calls.start)
    stop = _call(calls.stop)
    logs = _call(calls.logs)
    wait_ready = _call(waiting.wait_ready)
    wait_stopped = _call(waiting.wait_stopped)

    quick_start = _call(calls.quick_start)
    quick_status = _call(calls.quick_status)

    shares = _each(calls.shares)
    shared_with = _each(calls.shared_with)
    share = _call(calls.share)
    unshare = _call(calls.unshare)
    create_share_code = _call(calls.create_share_code)
    accept_share = _call(calls.accept_share)

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
