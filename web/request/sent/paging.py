"""Pages of lists: offset and limit, and the wrapped form that says what comes next."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

from msgspec import Struct
from quart import Response, request

from core.errors import InvalidError
from web.request.answers import reply
from web.request.context import hub

MEDIA_TYPE = "application/jupyterhub-pagination+json"


class Page(Struct, frozen=True):
    offset: int
    limit: int


class NextPage(Struct, frozen=True):
    offset: int
    limit: int
    url: str


class Pagination(Struct, frozen=True):
    """Where in the whole this page is. `next` is null on the last one."""

    offset: int
    limit: int
    total: int
    next: NextPage | None


def argument(name: str, default: str = "") -> str:
    """A query argument; of several the last one."""
    values = request.args.getlist(name)
    return values[-1] if values else default


def wants_wrapping() -> bool:
    accepted = request.headers.get("Accept", "").split(",")
    return any(kind.strip().lower() == MEDIA_TYPE for kind in accepted)


def page() -> Page:
    """What the query asks for: absolute values, the limit within 1 and the maximum. Raises InvalidError."""
    settings = hub().settings.hub
    most = settings.api_page_max_limit
    default = settings.api_page_default_limit if wants_wrapping() else most
    return Page(_number("offset", 0), min(max(1, _number("limit", default)), most))


def _number(name: str, default: int) -> int:
    if name not in request.args:
        return default
    text = argument(name)
    try:
        return min(abs(int(text)), 2**53)
    except ValueError:
        raise InvalidError(f"{name} is a number, not {text[:40]!r}.") from None


def paged(items: Any, asked: Page, total: int, *, always_wrapped: bool = False) -> Response:
    """The bare items, or with the pagination media type the items and where the rest is."""
    if not always_wrapped and not wants_wrapping():
        return reply(items)
    following = asked.offset + asked.limit
    after = None
    if following < total:
        after = NextPage(following, asked.limit, same_url(offset=following, limit=asked.limit))
    return reply({"items": items, "_pagination": Pagination(asked.offset, asked.limit, total, after)})


def same_url(**changed: int) -> str:
    """This request's URL, as the browser sees it, with other values for these arguments."""
    asked = parse_qsl(request.query_string.decode("latin-1"), keep_blank_values=True)
    kept = [(key, changed.get(key, value)) for key, value in asked]
    added = [(key, value) for key, value in changed.items() if key not in dict(asked)]
    scheme = request.headers.get("X-Forwarded-Proto", request.scheme).split(",")[0].strip()
    query = urlencode([*kept, *added])
    return f"{scheme}://{request.host}{request.path}?{query}"
