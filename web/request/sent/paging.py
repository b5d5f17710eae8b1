"""Pages of lists: offset and limit, and the wrapped form that says what comes next."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

from msgspec import Struct
from quart import Response

from core.errors import InvalidError
from web.request.answers import reply
from web.request.context import asked, hub

MEDIA_TYPE = "application/jupyterhub-pagination+json"
MOST = (
    2**40
)  # no list is so long, and no span of time in seconds; a million times it is still an integer of SQLite's


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
    values = asked().args.getlist(name)
    return values[-1] if values else default


def flag(name: str) -> bool:
    """A query argument that is `true` or `false`, or not there. Raises InvalidError."""
    text = argument(name, "false")
    if text not in ("true", "false"):
        raise InvalidError(f"{name} is true or false.")
    return text == "true"


def wants_wrapping() -> bool:
    accepted = asked().headers.get("Accept", "").split(",")
    return any(kind.strip().lower() == MEDIA_TYPE for kind in accepted)


def page() -> Page:
    """What the query asks for: absolute values, the limit within 1 and the maximum. Raises InvalidError."""
    settings = hub().settings.hub
    most = settings.api_page_max_limit
    default = settings.api_page_default_limit if wants_wrapping() else most
    return Page(number("offset", 0), min(max(1, number("limit", default)), most))


def number(name: str, default: int) -> int:
    """A query argument that is one: its absolute value, `MOST` at most. Raises InvalidError."""
    if name not in asked().args:
        return default
    text = argument(name)
    try:
        return min(abs(int(text)), MOST)
    except ValueError:
        raise InvalidError(f"{name} is a number, not {text[:40]!r}.") from None


def paged(items: Any, page: Page, total: int, *, always_wrapped: bool = False) -> Response:
    """The bare items, or with the pagination media type the items and where the rest is."""
    if not always_wrapped and not wants_wrapping():
        return reply(items)
    following = page.offset + page.limit
    after = None
    if following < total:
        after = NextPage(following, page.limit, same_url(offset=following, limit=page.limit))
    return reply({"items": items, "_pagination": Pagination(page.offset, page.limit, total, after)})


def same_url(**changed: int) -> str:
    """This request's URL, as the browser sees it, with other values for these arguments."""
    arguments = parse_qsl(asked().query_string.decode("latin-1"), keep_blank_values=True)
    kept = [(key, changed.get(key, value)) for key, value in arguments]
    added = [(key, value) for key, value in changed.items() if key not in dict(arguments)]
    scheme = asked().headers.get("X-Forwarded-Proto", asked().scheme).split(",")[0].strip()
    query = urlencode([*kept, *added])
    return f"{scheme}://{asked().host}{asked().path}?{query}"
