"""What an act looks at of the HTTP request it is carried out for. A timer carries acts out too, and there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from core.plugins.sent_request import SentRequest
from web.hook_views.handler import HandlerView


class RequestFacts(NamedTuple):
    """`view`: the request as hooks see it, made when one is called.

    `by_cookie`: whether it came from a browser in which somebody is logged in, who can log in again. `sent`: the
    request as plug-ins see it, made when one asks.
    """

    view: Callable[[], HandlerView]
    by_cookie: bool
    sent: Callable[[], SentRequest] = SentRequest


def view_of(request: RequestFacts | None) -> HandlerView | None:
    """As hooks are handed it; None where no request asks."""
    return None if request is None else request.view()
