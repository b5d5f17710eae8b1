"""Routes as declarations: path, method, what the caller must hold. A route without one cannot be written.

Paths are matched as they were sent, still percent-encoded, and each segment is decoded by itself: so
`/servers//progress` is the default server's, and a name may hold an encoded slash without being two segments.
"""

from __future__ import annotations

import inspect
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import unquote, urlencode

from msgspec import Struct
from quart import Quart, Response, g, request
from quart.routing import QuartRule
from werkzeug.routing import BaseConverter, Rule, ValidationError

from core.authenticator import RedirectAuthenticator
from core.errors import ForbiddenError
from core.share_code import CODE_PATTERN
from web.aliases import under_present_name
from web.http import answers
from web.http.access import Access, Needs, Open, check_access
from web.http.client_address import address_of
from web.http.context import hub, raw_body
from web.http.credentials import identify
from web.http.declared import Answers, Events
from web.http.idempotency import once
from web.http.identity import Identity
from web.login.log_in import identify_by_login
from web.login.refresh import confirmed

Handler = Callable[..., Awaitable[Response]]

MAX_SEGMENT = 4096  # characters as sent: the longest name, each of its characters four bytes, has 3060
ROUTES = "callboard.routes"  # where an application keeps its routes, by endpoint


class Route(Struct, frozen=True):
    """`name`: of noun and handler, `users.list`. What it takes and answers is for the OpenAPI document.

    `answers`: see web/http/declared.py. `takes`: the type of its body; `| None` if there may be none. `query`: a struct
    of its arguments. `refusals`: those that do not follow from access and method (web/openapi/refusals.py).

    `page`: for people. Who is not logged in is sent to do so, and refusals are pages too. `acts`: it changes something
    although it is asked by GET; `in_frames`: also if a frame of some page goes there. `takes_tokens`: whether a token
    in the header counts, besides cookies.
    """

    name: str
    method: str
    path: str
    access: Access
    handler: Handler
    answers: Answers
    takes: Any = None
    query: type[Struct] | None = None
    refusals: tuple[int, ...] = ()
    page: bool = False
    acts: bool = False
    in_frames: bool = False
    takes_tokens: bool = True

    @property
    def label(self) -> str:
        """What monitors call it."""
        return f"{self.handler.__module__}.{self.handler.__name__}"


class Noun:
    """The routes of one noun of the API; the noun in the URL is the name of the file.

    `page`: its routes are for people, and know them by cookies alone unless one says otherwise.
    """

    def __init__(self, name: str, *, page: bool = False) -> None:
        self.name = name
        self.page = page
        self.routes: list[Route] = []

    def route(
        self,
        method: str,
        *paths: str,
        access: Access,
        answers: Answers | None = None,
        takes: Any = None,
        query: type[Struct] | None = None,
        refusals: Sequence[int] = (),
        statuses: Sequence[int] = (200,),
        streams: bool = False,
        acts: bool = False,
        in_frames: bool = False,
        takes_tokens: bool | None = None,
    ) -> Callable[[Handler], Handler]:
        """`answers`: from status to what is sent with it. `statuses`: the same for what is not of the API."""
        declared = dict.fromkeys(statuses, Events(Any) if streams else Any) if answers is None else answers

        def declare(handler: Handler) -> Handler:
            for path in paths:
                self.routes.append(
                    Route(
                        f"{self.name}.{handler.__name__}",
                        method,
                        path,
                        access,
                        handler,
                        declared,
                        takes,
                        query,
                        tuple(refusals),
                        self.page,
                        acts,
                        in_frames,
                        not self.page if takes_tokens is None else takes_tokens,
                    )
                )
            return handler

        return declare

    def get(self, *paths: str, access: Access, **options: Any) -> Callable[[Handler], Handler]:
        return self.route("GET", *paths, access=access, **options)

    def post(self, *paths: str, access: Access, **options: Any) -> Callable[[Handler], Handler]:
        return self.route("POST", *paths, access=access, **options)

    def put(self, *paths: str, access: Access, **options: Any) -> Callable[[Handler], Handler]:
        return self.route("PUT", *paths, access=access, **options)

    def patch(self, *paths: str, access: Access, **options: Any) -> Callable[[Handler], Handler]:
        return self.route("PATCH", *paths, access=access, **options)

    def delete(self, *paths: str, access: Access, **options: Any) -> Callable[[Handler], Handler]:
        return self.route("DELETE", *paths, access=access, **options)


class Segment(BaseConverter):
    """One segment of a path, decoded. Bytes that are not UTF-8, or too many, name nothing."""

    regex = "[^/]+"
    part_isolating = True

    def to_python(self, value: str) -> str:
        if len(value) > MAX_SEGMENT:
            raise ValidationError
        try:
            return unquote(value, errors="strict")
        except UnicodeDecodeError:
            raise ValidationError from None


class MaybeSegment(Segment):
    """A segment that may be empty: the name of the default server is."""

    regex = "[^/]*"


class CodeSegment(Segment):
    """A segment that looks like a share code; tried before any other."""

    regex = CODE_PATTERN
    weight = Segment.weight - 1


class Rest(BaseConverter):
    """All the rest of a path, decoded, slashes and all."""

    regex = ".*"
    part_isolating = False

    def to_python(self, value: str) -> str:
        return unquote(value)


def install(app: Quart, nouns: Sequence[Noun], prefix: str) -> None:
    """Serve the routes of these nouns below `prefix` (without a slash at its end)."""
    app.url_map.converters |= {"default": Segment, "maybe": MaybeSegment, "code": CodeSegment, "rest": Rest}
    app.url_map.merge_slashes = False
    handlers: dict[tuple[str, str], Route] = {}
    for noun in nouns:
        for route in noun.routes:
            key = (route.method, route.path)
            assert key not in handlers, f"two routes for {key}"
            handlers[key] = route
            endpoint = f"{prefix}:{route.method}:{route.path}"
            app.url_map.add(_rule(f"{prefix}{route.path}", endpoint, route.method))
            app.view_functions[endpoint] = _guarded(route)
            app.extensions.setdefault(ROUTES, {})[endpoint] = route


class MatchedRule(QuartRule):
    """A rule that URLs are matched with and none are built from: preparing for that takes a millisecond a rule."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        return _never_built


def _never_built(*_: object) -> tuple[str, str]:
    raise NotImplementedError


def _rule(path: str, endpoint: str, method: str) -> Rule:
    rule = MatchedRule(path, endpoint=endpoint, methods=[method], strict_slashes=True)
    rule.provide_automatic_options = False
    if rule.methods is not None and method == "GET":
        rule.methods.discard("HEAD")
    return rule


def _guarded(route: Route) -> Handler:
    """The handler behind the check: who asks, may they, and has this very command been carried out before?"""

    left_out = defaults_of(route.handler)

    async def guarded(**given: str) -> Response:
        if route.page and hub().hosts.is_below(request.host):
            return _on_the_hubs_host(route)
        g.route = route
        if route.page and route.method == "POST":
            g.form_xsrf = (await request.form).get("_xsrf")
        found = identify(route) or await _logged_in_for(route)
        g.identity = await confirmed(hub(), found, by_cookie=g.session is not None)
        if g.identity is None and route.page and not isinstance(route.access, Open):
            return _to_login(route)
        names = under_present_name(hub().store.db, g.identity, {**left_out, **given})
        check_access(route.access, g.identity, names, hub().rights.memberships)
        if route.method == "GET":
            return await answers.with_etag(request, await route.handler(**names))
        return await once(lambda: route.handler(**names))

    return guarded


async def _logged_in_for(route: Route) -> Identity | None:
    """Whoever the body's `auth` belongs to, on routes where that will do."""
    if not (isinstance(route.access, Needs) and route.access.or_login):
        return None
    sent = await raw_body()
    credentials = sent.get("auth") if isinstance(sent, dict) else None
    if not isinstance(credentials, dict):
        return None
    return await identify_by_login(hub(), credentials, address=address_of(request))


def defaults_of(handler: Handler) -> dict[str, str]:
    """What a path may leave out: `/users/alice/server` is about the server called `""`."""
    parameters = inspect.signature(handler).parameters.values()
    return {one.name: one.default for one in parameters if one.default is not one.empty}


def _way_in(route: Route) -> str:
    """To the page that logs people in; or on at once to whom they log in with, where it is to be so."""
    the_hub = hub()
    at_once = route.name == "authorize.ask" and the_hub.settings.authenticator.auto_login_oauth2_authorize
    return (
        "oauth_login"
        if at_once and isinstance(the_hub.logins.authenticator, RedirectAuthenticator)
        else "login"
    )


def _on_the_hubs_host(route: Route) -> Response:
    """Where a user's server is at home their scripts are too: no page of the hub is shown there."""
    if route.method != "GET":
        raise ForbiddenError("Pages of the hub are on its own host.")
    query = request.query_string.decode("latin-1")
    return answers.redirect(f"{hub().hosts.on_hub(request.path)}{f'?{query}' if query else ''}")


def _to_login(route: Route) -> Response:
    """Nobody is logged in. Who looks at a page is sent to do so, and comes back; nothing else is forwarded."""
    if route.method != "GET":
        raise ForbiddenError("Missing or invalid credentials.")
    query = request.query_string.decode("latin-1")
    asked = f"{request.path}?{query}" if query else request.path
    target = f"{hub().base_url}hub/{_way_in(route)}?{urlencode({'next': asked})}"
    return answers.redirect(target)


def new_request_id() -> str:
    return secrets.token_hex(8)
