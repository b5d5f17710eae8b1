"""Routes as declarations: path, method, what the caller must hold. A route without one cannot be written."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from msgspec import Struct
from quart import Response

from web.request.access import Access
from web.request.declared import Answers, Events
from web.sessions.proofs import Proof, proof_of

Handler = Callable[..., Awaitable[Response]]

ROUTES = "callboard.routes"  # where an application keeps its `Routes`
ANY = "ANY"  # as the method of a route: all those that no other route of this path has


class Route(Struct, frozen=True):
    """`name`: of group and handler, `users.list`. What it takes and answers is for the OpenAPI document.

    `answers`: see web/request/declared.py. `takes`: the type of its body; `| None` if there may be none. `query`: a
    struct of its arguments. `refusals`: those that do not follow from access and method (web/openapi/refusals.py).

    `page`: for people. Who is not logged in is sent to do so, and refusals are pages too. `takes_tokens`: whether a
    token in the header counts, besides cookies.
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
    takes_tokens: bool = True
    uploads: bool = False

    @property
    def proof(self) -> Proof:
        """What must show that a page of the hub meant a GET that comes with cookies."""
        return proof_of(self.name).proof

    @property
    def label(self) -> str:
        """What monitors call it."""
        return f"{self.handler.__module__}.{self.handler.__name__}"


class Found(Struct, frozen=True):
    """A route, and what the path gives its handler."""

    route: Route
    handler: Handler
    names: dict[str, str]


class NoRouteError(Exception):
    """`allowed`: methods that this path does have; none where there is nothing at all."""

    def __init__(self, allowed: frozenset[str]) -> None:
        super().__init__(allowed)
        self.allowed = allowed


class Routes(Protocol):
    """What is served where."""

    def match(self, path: str, method: str) -> Found:
        """Raises NoRouteError."""

    def methods(self, path: str) -> frozenset[str]:
        """Those that this path has."""


class RouteGroup:
    """A group of routes: those of one file, which is named as the URLs are.

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
        takes_tokens: bool | None = None,
        uploads: bool = False,
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
                        not self.page if takes_tokens is None else takes_tokens,
                        uploads,
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


def defaults_of(handler: Handler) -> dict[str, str]:
    """What a path may leave out: `/users/alice/server` is about the server called `""`."""
    parameters = inspect.signature(handler).parameters.values()
    return {one.name: one.default for one in parameters if one.default is not one.empty}
