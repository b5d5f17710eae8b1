"""API tokens of users."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace as changed
from quart import Response

from core.config.roles import TOKEN
from core.errors import ForbiddenError, InvalidError, NotFoundError
from core.events.user import user_stream
from core.events.writer import Outcome
from core.naming.ids import new_id
from core.scopes import Owner, excess_scopes, void_scopes
from core.token import Issue, Revoke, new_token, quick_digest
from projections import roles, tokens, users
from projections.tokens import TokenRow
from projections.users import UserRow
from web.models.models import TokenModel
from web.request.access import needs
from web.request.answers import empty, encode, reply
from web.request.context import body, by, caller, database, hub
from web.request.idempotency import claim, keep_secret
from web.request.known import known_user
from web.request.routing import RouteGroup
from web.rights.identity import is_valid
from web.site.bounds import ScopeNames

endpoints = RouteGroup("tokens")

logger = logging.getLogger("callboard.tokens")

HUB_CLIENT = "jupyterhub"  # the OAuth client of tokens that came by no other


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
    secret, token_id = new_token(), new_id("t")
    command = Issue(
        user_stream(row.id),
        quick_digest(secret),
        _scopes(asked, row),
        asked.note or _default_note(row),
        _expiry(asked.expires_in),
    )

    def outcome(_: object) -> Outcome:
        return Outcome(
            201, encode({"id": token_id, "kind": "api_token", "user": row.name, "note": command.note})
        )

    await hub().entities.tokens.ask(token_id, command, by=by(), claim=claim(outcome))
    issued = tokens.by_id(database(), token_id)
    assert issued is not None, "a token that was issued just now is there"
    model = hub().models.token(issued, row.name)
    keep_secret(Outcome(201, encode(model)))
    return reply(changed(model, token=secret), 201)


@endpoints.get("/users/<user>/tokens/<token>", access=needs("read:tokens"), answers={200: TokenModel})
async def read(user: str, token: str) -> Response:
    """The model of a token, without the token itself."""
    row = known_user(user)
    return reply(hub().models.token(_token_of(row, token), row.name))


@endpoints.delete("/users/<user>/tokens/<token>", access=needs("tokens"), answers={204: None})
async def revoke(user: str, token: str) -> Response:
    """Revoke a token, at once.

    One that came by OAuth takes those with it that this user gave to the same client.
    """
    found = _token_of(known_user(user), token)
    ask, outcome = hub().entities.tokens.ask, claim(lambda _: Outcome(204))
    for other in _of_same_client(found):
        await ask(other.id, Revoke(), by=by())
    await ask(found.id, Revoke(of_server=bool(found.server)), by=by(), claim=outcome)
    return empty(204)


def _of_same_client(token: TokenRow) -> list[TokenRow]:
    if token.client == HUB_CLIENT:
        return []
    of_owner = tokens.of_owner(database(), token.owner)
    return [other for other in of_owner if other.client == token.client and other.id != token.id]


def _token_of(user: UserRow, token_id: str) -> TokenRow:
    row = tokens.by_id(database(), token_id)
    if row is None or row.owner != user_stream(user.id) or not is_valid(row):
        raise NotFoundError(f"{user.name} has no token with the id {token_id[:40]!r}.")
    return row


def _default_note(user: UserRow) -> str:
    identity = caller()
    if (identity.kind, identity.id) == ("user", user.id):
        return "Requested via api"
    return f"Requested via api by {identity.kind} {identity.name}"


def _expiry(seconds: int | None) -> datetime | None:
    """Raises InvalidError for what is no time, or beyond `token_expires_in_max_seconds`."""
    most = hub().settings.hub.token_expires_in_max_seconds
    if seconds is None:
        seconds = most or None
    if seconds is None:
        return None
    if most and seconds > most:
        raise InvalidError(f"expires_in is at most {most} seconds here.")
    if seconds < 1:
        raise InvalidError("expires_in is a number of seconds, at least 1.")
    try:
        return datetime.now(UTC) + timedelta(seconds=seconds)
    except OverflowError:
        raise InvalidError("expires_in lies beyond all time: leave it out for a token that lasts.") from None


def _scopes(asked: TokenBody, user: UserRow) -> list[str]:
    """As asked for, within what the owner holds. Raises InvalidError naming what goes beyond."""
    if asked.roles is not None and asked.scopes is not None:
        raise InvalidError("Give roles or scopes, not both.")
    rights = hub().rights
    requested = asked.scopes
    if asked.roles is not None:
        requested = [scope for name in asked.roles for scope in _scopes_of_role(name)]
    if requested is None:
        return rights.scopes_of_role(TOKEN)
    excess = excess_scopes(
        requested, Owner(user=user.name), rights.of_user(user), rights.memberships, rights.table
    )
    if excess:
        raise InvalidError(f"{user.name} does not hold: {', '.join(excess)}.")
    _warn_of_void(requested, user)
    return requested


def _warn_of_void(requested: list[str], user: UserRow) -> None:
    """Scopes that can never match are harmless, and hardly what was meant."""
    if void := void_scopes(requested, hub().rights.table):
        logger.warning("a token of %s has %d scopes in vain: %s", user.name, len(void), void[0][:200])


def _scopes_of_role(name: str) -> list[str]:
    role = roles.by_name(database(), name)
    if role is None:
        raise InvalidError(f"There is no role named {name[:40]!r}.")
    return role.raw_scopes()
