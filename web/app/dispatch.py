"""One request through the hub: matched, guarded, handled, and answered whatever happens.

Every request comes here, from the hub's own connections as from an ASGI server or Quart's test client. Quart lends its
request, its response and the contexts that handlers reach both through; of the rest of what it does for a request
(signals, sessions, URL adapters, hooks) nothing is used here, and nothing is paid for.
"""

from __future__ import annotations

import logging
import time

from quart import Quart, Response
from quart.ctx import AppContext, RequestContext
from quart.globals import _cv_app, _cv_request
from quart.wrappers import Request

from core.errors import HubError
from web.app.handler_names import handler_name
from web.app.refusing import answer_to
from web.request import answers
from web.request.context import hub as the_hub
from web.request.context import kept
from web.request.kept import Kept
from web.request.page_cookies import add_cookies
from web.request.request_log import log_request
from web.request.routing import NoRouteError, Routes
from web.site.api_paths import is_api
from web.site.bounds import check_url
from web.texts.languages import ENGLISH
from web.texts.translate import speak

logger = logging.getLogger("callboard.http")


class BareAppContext(AppContext):
    def __init__(self, app: Quart) -> None:
        self.app = app
        self.url_adapter = None
        self.g = Kept()  # type: ignore[assignment]
        self._cv_tokens = []


class BareRequestContext(RequestContext):
    def __init__(self, app: Quart, asked: Request) -> None:
        self.app = app
        self.request_websocket = asked
        self.url_adapter = None
        self.session = None
        self.preserved = False
        self.flashes = None
        self._cv_tokens = []
        self._after_request_functions = []


async def dispatch(app: Quart, routes: Routes, asked: Request) -> Response:
    """The answer to a request. What handlers raise is an answer too."""
    context = BareAppContext(app)
    of_app = _cv_app.set(context)
    of_request = _cv_request.set(BareRequestContext(app, asked))
    speak(ENGLISH)  # whatever was answered before on this connection
    try:
        try:
            response = await _handle(routes, asked)
        except Exception as error:
            response = await answer_to(_told(error), routes)
        return _finish(asked, response)
    finally:
        _cv_request.reset(of_request)
        _cv_app.reset(of_app)
        if asked._files:
            await asked.close()


async def _handle(routes: Routes, asked: Request) -> Response:
    check_url(asked)
    try:
        found = routes.match(asked.path, asked.method)
    except NoRouteError as none:
        if asked.method == "OPTIONS" and none.allowed and is_api(asked.path, the_hub().base_url):
            return answers.empty(200, "application/json")
        raise
    return await found.handler(**found.names)


def _told(error: Exception) -> Exception:
    """Of several that were raised at once the refusal, if one is among them."""
    while isinstance(error, ExceptionGroup):
        refused, _ = error.split(HubError)
        error = (refused or error).exceptions[0]
    return error


def _add_headers(asked: Request, response: Response, g: Kept) -> None:
    of_request = ("X-Request-Id", g.request_id)
    the_hub().headers.add(
        response.headers,
        asked.path,
        of_request,
        nonce=g.csp_nonce,
        form_targets=g.form_targets,
        style_attributes=g.wants.style_attributes,
    )


def _finish(asked: Request, response: Response) -> Response:
    hub, g = the_hub(), kept()
    took = time.monotonic() - g.began
    route = g.route
    try:
        _add_headers(asked, response, g)
        if g.xsrf_token is not None or (route is not None and route.page):
            add_cookies(response)
    except Exception:
        logger.exception("an answer could not be finished")
        response = answers.refusal(500)
    hub.metrics.answered(asked.method, handler_name(route), response.status_code, took)
    log_request(asked, response, g.identity.name if g.identity else "", took)
    return response
