"""Refusals as pages, for people; programs get JSON (web/request/answers.py)."""

from __future__ import annotations

from quart import Response

from core.errors import HubError, ToldError
from web.pages.parts.render import html_of_configuration, page
from web.request.access import OPEN
from web.request.context import asked, hub, kept
from web.request.errors import phrase
from web.request.language import language_of
from web.request.routing import RouteGroup
from web.request.sent.numerals import whole_number
from web.site.api_paths import is_api, is_api_of_server
from web.texts.translate import N_, speak

endpoints = RouteGroup("error")

_BUG = N_(
    "Something went wrong in the hub. Try once more; if it happens again, tell whoever runs it the number below."
)
_ON_THEIR_OWN = {
    503: N_("The server is not reachable now. It may be starting or stopping: the home page knows more."),
}
PHRASES = (  # of HTTP, which the page of an error begins with
    N_("Bad Request"),
    N_("Forbidden"),
    N_("Not Found"),
    N_("Method Not Allowed"),
    N_("Conflict"),
    N_("Request Entity Too Large"),
    N_("Unprocessable Entity"),
    N_("Failed Dependency"),
    N_("Too Many Requests"),
    N_("Internal Server Error"),
    N_("Bad Gateway"),
    N_("Service Unavailable"),
    N_("Gateway Timeout"),
    N_("Unknown Error"),
)


def is_for_people() -> bool:
    """Whether this is a URL that people look at."""
    base = hub().base_url
    if is_api_of_server(asked().path, base):
        return False
    route = kept().route
    if route is not None and route.page:
        return True
    if is_api(asked().path, base) or asked().path.startswith(f"{base}hub/static/"):
        return False
    return asked().path != f"{base}hub/metrics"


async def error_page(status: int, message: str = "", *, error: Exception | None = None) -> Response:
    """`error`: what was raised; HTML is shown only of what a hook has marked up for people."""
    speak(language_of(asked()))
    html = error.html_message if isinstance(error, ToldError) else ""
    answer = await page(
        _template(status),
        status,
        status_code=status,
        status_message=phrase(status),
        message=message or (_BUG if status == 500 else ""),
        message_html=html_of_configuration(html),
        extra_error_html="",
        exception=error if isinstance(error, HubError) else None,
    )
    # A refusal outside /hub does not see the login, and must not undo its token.
    kept().cookies_are_set = True
    return answer


def _template(status: int) -> str:
    """`404.html` where there is one, else `error.html`."""
    name = f"{status}.html"
    return name if hub().presentation.has_template(name) else "error.html"


@endpoints.get("/error/<code>", access=OPEN, statuses=(200, 404))
async def shown(code: str) -> Response:
    """What a proxy shows instead of its own error page."""
    status = whole_number(code) or 0
    status = status if 400 <= status < 600 else 404
    answer = await error_page(status, _ON_THEIR_OWN.get(status, ""))
    answer.status_code = 200
    return answer
