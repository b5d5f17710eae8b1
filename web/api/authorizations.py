"""Whose a token or a cookie is: what services asked before there was OAuth. Deprecated, and still asked."""

from __future__ import annotations

from typing import cast

from quart import Response

from core.errors import ForbiddenError, NotFoundError
from core.scopes import Owner, expand, identify_scopes
from projections import users
from web.models.models import ServiceModel, UserModel
from web.models.servers_of import servers_of
from web.request.access import IDENTIFIED, OPEN
from web.request.answers import reply
from web.request.context import asked, caller, database, hub
from web.request.declared import Answers
from web.request.routing import RouteGroup
from web.rights.identity import Identity

endpoints = RouteGroup("authorizations")

OWNER: Answers = {200: (UserModel, ServiceModel)}


@endpoints.get("/authorizations/token/<token>", access=IDENTIFIED, answers=OWNER)
async def token_owner(token: str) -> Response:
    """The model of the token's owner, for whoever shows a token of their own."""
    _check_shows_token()
    row = hub().tokens.find(token)
    owner = hub().rights.by_token(row) if row is not None else None
    if owner is None:
        raise NotFoundError("There is no such token.")
    return reply(_model(owner))


@endpoints.get("/authorizations/token", access=IDENTIFIED, answers={}, refusals=(404,))
async def no_token() -> Response:
    """Always refused: no token is named."""
    raise NotFoundError("The token to look up is missing from the URL.")


@endpoints.post(
    "/authorizations/token", "/authorizations/token/<token>", access=OPEN, answers={}, refusals=(404,)
)
async def issue(**_: str) -> Response:
    """Always refused: tokens are issued below their users."""
    raise NotFoundError("Tokens are issued at /users/:name/tokens.")


@endpoints.get(
    "/authorizations/cookie/<name>", "/authorizations/cookie/<name>/<value>", access=IDENTIFIED, answers=OWNER
)
async def cookie_owner(name: str, value: str = "") -> Response:
    """The model of the user who is logged in by this cookie: its value is in the URL, else it is the body."""
    _check_shows_token()
    sessions = hub().sessions
    body = cast(bytes, await asked().get_data(as_text=False)).decode("latin-1").strip()
    secret = value or body or sessions.cookies.login_of(asked()) or ""
    session = sessions.find(secret) if secret and name == sessions.cookies.login else None
    owner = hub().rights.of_session(session) if session is not None else None
    if owner is None:
        raise NotFoundError(f"There is no session of a cookie called {name[:40]!r} with this value.")
    return reply(_model(owner))


def _check_shows_token() -> None:
    """Being logged in is not enough: a page of somebody else's must not learn anything here."""
    if not caller().token_id:
        raise ForbiddenError("This needs a token in the Authorization header.")


def _model(owner: Identity) -> UserModel | ServiceModel:
    visible = caller().scopes | expand(identify_scopes(Owner(**{owner.kind: owner.name})))
    model: UserModel | ServiceModel | None = None
    if owner.kind == "service":
        service = hub().services.get(owner.name)
        model = hub().models.service(service, visible, as_stored=True) if service else None
    else:
        user = users.by_id(database(), owner.id)
        model = hub().models.user(user, servers_of(database(), user), visible) if user else None
    if model is None:
        raise NotFoundError("There is no such token.")
    return model
