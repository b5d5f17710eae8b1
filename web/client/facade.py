"""The methods that both clients have: each call once, as a method that blocks or as one to be awaited."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from web.client import calls, waiting
from web.client.models import Page
from web.client.steps import Steps

P = ParamSpec("P")
T = TypeVar("T")
M = TypeVar("M", bound=Callable[..., Any])

MethodOf = Callable[[Callable[..., Any]], Callable[..., Any]]

OFFSET = "offset"  # what the methods that go through all pages find out by themselves


class Blocking:
    """A client whose methods return what they are asked for."""


class Awaited:
    """A client whose methods are coroutines."""


class Call(Generic[P, T]):
    """A call that becomes a method."""

    def __init__(self, call: Callable[P, Steps[T]]) -> None:
        self.call = call

    @overload
    def __get__(self, client: Blocking, kind: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: Awaited, kind: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, client: Any, kind: type) -> Any:
        raise AttributeError(self.call.__name__)  # a client has methods made of it


class Each(Generic[P, T]):
    """A call that gives a page of a list, and becomes a method that goes through all of it."""

    def __init__(self, call: Callable[Concatenate[int, P], Steps[Page[T]]]) -> None:
        self.call = call

    @overload
    def __get__(self, client: Blocking, kind: type) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, client: Awaited, kind: type) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, client: Any, kind: type) -> Any:
        raise AttributeError(self.call.__name__)  # a client has methods made of it


class Facade:
    """All that a client can be asked.

    A client says how it is asked: `of_call` makes a method of a call, `of_each` of one that gives pages.
    """

    def __init_subclass__(cls, *, of_call: MethodOf | None = None, of_each: MethodOf | None = None) -> None:
        if of_call is None or of_each is None:
            return  # somebody's own class, below a client
        for name, declared in vars(Facade).items():
            if isinstance(declared, Call):
                setattr(cls, name, _described_as(declared.call, of_call(declared.call)))
            elif isinstance(declared, Each):
                setattr(cls, name, _described_as(declared.call, of_each(declared.call)))

    me = Call(calls.me)
    request = Call(calls.request)

    users = Each(calls.users)
    user = Call(calls.user)
    create_user = Call(calls.create_user)
    create_users = Call(calls.create_users)
    change_user = Call(calls.change_user)
    delete_user = Call(calls.delete_user)

    tokens = Call(calls.tokens)
    issue_token = Call(calls.issue_token)
    revoke_token = Call(calls.revoke_token)

    groups = Each(calls.groups)
    group = Call(calls.group)
    create_group = Call(calls.create_group)
    delete_group = Call(calls.delete_group)
    add_to_group = Call(calls.add_to_group)
    remove_from_group = Call(calls.remove_from_group)
    set_group_properties = Call(calls.set_group_properties)

    services = Call(calls.services)
    service = Call(calls.service)

    server = Call(calls.server)
    create_server = Call(calls.create_server)
    start = Call(calls.start)
    stop = Call(calls.stop)
    logs = Call(calls.logs)
    wait_ready = Call(waiting.wait_ready)
    wait_stopped = Call(waiting.wait_stopped)

    quick_start = Call(calls.quick_start)
    quick_status = Call(calls.quick_status)

    shares = Each(calls.shares)
    shared_with = Each(calls.shared_with)
    share = Call(calls.share)
    unshare = Call(calls.unshare)
    create_share_code = Call(calls.create_share_code)
    accept_share = Call(calls.accept_share)


def _described_as(call: Callable[..., Any], method: M) -> M:
    """Gives a method the name, the docstring and the parameters of the call behind it: `help()` shows them."""
    itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    parameters = [one for one in inspect.signature(call).parameters.values() if one.name != OFFSET]
    method.__name__, method.__qualname__, method.__doc__ = call.__name__, call.__name__, call.__doc__
    method.__signature__ = inspect.Signature([itself, *parameters])  # type: ignore[attr-defined]
    return method
