"""A call as a generator of steps: what to ask, how long to pause, what to follow. It does no I/O itself.

So each call is written once; `plain.py` and `asynchronous.py` take the steps for it, each in its own way, and a test
can take them by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

import msgspec

from web.client.errors import HubError, RefusedError, UnreachableError
from web.http1.server_sent_events import ServerSentEvent

T = TypeVar("T")

Query = Mapping[str, str | int]

PAGES = "application/jupyterhub-pagination+json"


class Ask(NamedTuple):
    """One request. `path`: below the API's address, encoded. `key`: of a command, so that it is carried out once.

    `prefer`: as in the header of that name.
    """

    method: str
    path: str
    query: Query = {}  # noqa: RUF012
    body: Any = None
    accept: str = "application/json"
    key: str = ""
    prefer: str = ""


class Follow(NamedTuple):
    """A stream of events. `each` is told every event; it returns whether that was all.

    `last_id`: of the last event seen. `timeout`: seconds after which to leave it.
    """

    path: str
    last_id: str
    each: Callable[[ServerSentEvent], bool]
    timeout: float


class Pause(NamedTuple):
    seconds: float


class Answer(NamedTuple):
    """`headers`: their names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Broken(NamedTuple):
    """No answer, or none to its end. `may_repeat`: asking again does no harm."""

    error: Exception
    may_repeat: bool


class Left(NamedTuple):
    """A stream of events that has ended, or was left because there is no need for more."""


Step = Ask | Follow | Pause
Reply = Answer | Broken | Left | None
Steps = Generator[Step, Reply, T]


def ask(
    method: str,
    path: str,
    *,
    body: Any = None,
    key: str = "",
    accept: str = "application/json",
    query: Query | None = None,
    prefer: str = "",
) -> Steps[Answer]:
    """Raises RefusedError, UnreachableError."""
    if method != "GET":
        key = key or uuid4().hex
    reply = yield Ask(method, path, query or {}, body, accept, key, prefer)
    assert isinstance(reply, Answer | Broken)
    if isinstance(reply, Broken):
        raise UnreachableError(
            f"The hub did not answer: {reply.error or type(reply.error).__name__}"
        ) from reply.error
    if reply.status >= 300:
        raise refusal(reply)
    return reply


def decode(kind: type[T], answer: Answer) -> T:
    """Raises HubError for what does not look like the answer of a hub."""
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except msgspec.MsgspecError as error:
        raise HubError(f"This is no answer of a hub: {error}") from error


class _Refusal(msgspec.Struct):
    message: str | None = None


def refusal(answer: Answer) -> RefusedError:
    try:
        message = msgspec.json.decode(answer.body, type=_Refusal).message
    except msgspec.MsgspecError:
        message = None
    return RefusedError(answer.status, message or "The hub did not say why.", retry_after(answer))


def retry_after(answer: Answer) -> float | None:
    """Seconds, None if the hub has not said."""
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else None
