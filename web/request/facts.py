"""What acts look at of the request that is being answered, and how long it wants to wait for them."""

from __future__ import annotations

from web.login.request_facts import RequestFacts
from web.request.context import asked, kept
from web.request.handler_view import handler_view
from web.request.sent.for_plugins import sent_request


def request_facts() -> RequestFacts:
    return RequestFacts(handler_view, by_cookie=kept().session is not None, sent=sent_request)


def time_to_wait(seconds: float) -> float:
    """How long this request wants to wait, where others wait so many seconds: with `Prefer: respond-async`, not at all.

    Source: RFC 7240, section 4.1.
    """
    preferences = asked().headers.get("Prefer", "").lower().split(",")
    return 0.0 if any(one.strip() == "respond-async" for one in preferences) else seconds
