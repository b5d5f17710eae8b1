"""The language of the hub's pages, chosen by a menu that each of them has: kept in a cookie of this browser."""

from __future__ import annotations

from quart import Response

from core.errors import InvalidError
from web.pages.parts.destination import checked
from web.request.access import OPEN
from web.request.answers import redirect
from web.request.context import asked, hub
from web.request.routing import RouteGroup
from web.texts.languages import LANGUAGES

endpoints = RouteGroup("language", page=True)


@endpoints.get("/language/<language>", access=OPEN, statuses=(302, 400))
async def choose(language: str) -> Response:
    """And back to the page that asked, which is one of this hub's.

    A link, so that it needs neither a script nor a form: whoever lures somebody to it has changed no more than this.
    """
    if language not in LANGUAGES:
        raise InvalidError("The hub has no pages in that language.")
    answer = redirect(checked(asked().args.get("next", "")) or f"{hub().base_url}hub/")
    hub().sessions.cookies.set_language(asked(), answer, language)
    return answer
