"""API tokens of users."""

from __future__ import annotations

import logging
from typing import Any

from msgspec import Struct
from msgspec.structs import replace as changed
from quart import Response

from core.errors import ForbiddenError, InvalidError
from core.events.file.writer import Outcome
from core.events.user import user_stream
from projections import tokens, users
from projections.users import UserRow
from web.models.models import TokenModel
from web.request.access import needs
from web.request.answers import empty, encode, reply
from web.request.context import body, by, caller, database, hub
from web.request.idempotency import idempotency_record, keep_secret
from web.request.known import known_token, known_user
from web.request.routing import RouteGroup
from web.rights.identity import is_valid
from web.site.bounds import ScopeNames

endpoints = RouteGroup("tokens")

logger = logging.getLogger("callboard.tokens")


class Tokens(Struct, frozen=True):
    api_tokens: list[TokenModel]


class TokenBody(Struct, frozen=True):
    """`expires_in`: seconds; JSON's true is a number here, as in JupyterHub."""

    note: str | None = None
    expires_in: int | bool | None = None
    scopes: ScopeNames | None = None
    roles: ScopeNames | None = None
    auth: Any = None


@endpoints.get("/users/<user>/tokens", access=needs("read:tokens"), answers={200: Tokens})
async def listed(user: str) -> Response:
    """The tokens of a user, the least recently used first."""
    row = known_user(user)
    rows = [token for token in tokens.of_owner(database(), user_stream(row.id)) if is_valid(token)]
    models = [hub().models.token(token, row.name) for token in rows]
    models.sort(key=lambda model: model.last_activity or model.created)
    return reply(Tokens(models))


@endpoints.post(
    "/users/<user>/tokens",
    access=needs("tokens", conceals=False, or_login=True),
    takes=TokenBody | None,
    answers={201: TokenModel},
    refusals=(429,),
)
async def issue(user: str) -> Response:
    """A new token: the only time it is shown.

    Who has none yet sends no Authorization header, and in `auth` what the login form would ask for:
    `{"username": ..., "password": ...}`.
    """
    asked = await body(TokenBody, required=False)
    row = users.by_name(database(), user)
    if row is None:
        raise ForbiddenError("Tokens are issued to users that exist.")
    issuing, note = hub().acts.tokens, asked.note or _default_note(row)
    new = issuing.new(row, _scopes(asked), note, asked.expires_in)
    shown = encode({"id": new.id, "kind": "api_token", "user": row.name, "note": note})
    issued = await issuing.issue(new, by=by(), idempotency=idempotency_record(lambda _: Outcome(201, shown)))
    model = hub().models.token(issued, row.name)
    keep_secret(Outcome(201, encode(model)))
    return reply(changed(model, token=new.secret), 201)


@endpoints.get("/users/<user>/tokens/<token>", access=needs("read:tokens"), answers={200: TokenModel})
async def read(user: str, token: str) -> Response:
    """The model of a token, without the token itself."""
    row = known_user(user)
    return reply(hub().models.token(known_token(row, token), row.name))


@endpoints.delete("/users/<user>/tokens/<token>", access=needs("tokens"), answers={204: None})
async def revoke(user: str, token: str) -> Response:
    """Revoke a token, at once.

    One that came by OAuth takes those with it that this user gave to the same client.
    """
    found = known_token(known_user(user), token)
    await hub().acts.tokens.revoke(found, by=by(), idempotency=idempotency_record(lambda _: Outcome(204)))
    return empty(204)


def _default_note(user: UserRow) -> str:
    identity = caller()
    if (identity.kind, identity.id) == ("user", user.id):
        return "Requested via api"
    return f"Requested via api by {identity.kind} {identity.name}"


def _scopes(asked: TokenBody) -> list[str] | None:
    """As asked for; None where nothing is. Raises InvalidError."""
    if asked.roles is not None and asked.scopes is not None:
        raise InvalidError("Give roles or scopes, not both.")
    return asked.scopes if asked.roles is None else hub().acts.tokens.scopes_of_roles(asked.roles)
