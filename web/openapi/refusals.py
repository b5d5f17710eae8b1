"""Which refusals a route can answer, from what it declares: they need not be written at each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, assert_never

from web.request.access import Access, Identified, Lists, Needs, Open, TheProxy
from web.request.declared import ANY_STATUS, Events, Paged, alternatives
from web.request.routing import Route

_MEANINGS = {
    ANY_STATUS: "A hook of the configuration refused, with a status of its own.",
    400: "What was sent makes no sense, or the server is in a state that does not allow it.",
    403: "The credentials are missing or invalid, or the caller may not.",
    404: "There is no such thing, or the caller may not know of it.",
    405: "This thing cannot be changed in this way.",
    409: "It clashes with something that exists.",
    413: "The body is too large.",
    422: "The Idempotency-Key was used before, with another body.",
    424: "The server is not running.",
    429: "Too much at once: ask again later.",
    500: "Something failed in the hub, or in a start.",
    503: "The hub cannot do this now, and has changed nothing: ask again soon.",
}


def refusals(route: Route) -> list[int]:
    """Their statuses, in order; without those that the route answers in a form of its own."""
    implied = {500, 503, *_of_access(route.access), *_of_method(route), *route.refusals}
    if _has_names(route):
        implied.add(404)
    if route.query is not None or _is_paged(route):
        implied.add(400)
    if not isinstance(route.access, TheProxy) and _may_stream(route):
        implied.add(429)
    return sorted(implied - route.answers.keys())


def key(status: int) -> str:
    """How a document calls this status."""
    return "default" if status == ANY_STATUS else str(status)


def components() -> dict[str, Any]:
    return {key(status): _component(status) for status in _MEANINGS}


def reference(status: int) -> dict[str, str]:
    return {"$ref": f"#/components/responses/{key(status)}"}


def _component(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Refusal"}
    response: dict[str, Any] = {
        "description": _MEANINGS[status],
        "content": {"application/json": {"schema": schema}},
    }
    if status in (429, 503):
        about = "Seconds to wait, where the hub can say."
        response["headers"] = {"Retry-After": {"description": about, "schema": {"type": "integer"}}}
    return response


def _may_stream(route: Route) -> bool:
    return any(isinstance(one, Events) for answer in route.answers.values() for one in alternatives(answer))


def _of_access(access: Access) -> Iterator[int]:
    match access:
        case Open():
            pass
        case Identified() | TheProxy() | Needs() | Lists():
            yield 403
        case _:
            assert_never(access)


def _of_method(route: Route) -> Iterator[int]:
    """Every command may come with a body that is not JSON, and with an Idempotency-Key."""
    if route.method not in ("GET", "HEAD"):
        yield from (400, 413, 422)


def _has_names(route: Route) -> bool:
    return "<" in route.path


def _is_paged(route: Route) -> bool:
    return any(isinstance(one, Paged) for answer in route.answers.values() for one in alternatives(answer))
