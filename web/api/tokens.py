"""API tokens of users."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace as changed
from quart import Response

from core.errors import ForbiddenError, InvalidError, NotFoundError
from core.events.user import user_stream
from core.events.writer import Outcome
from core.ids import new_id
from core.scopes import Owner, excess_scopes
from core.token import Issue, Revoke, new_token, quick_digest
from projections import tokens, users
from projections.tokens import TokenRow
from projections.users import UserRow
from web.access import needs
from web.answers import empty, encode, reply
from web.api.users import known_user
from web.context import body, by, caller, database, hub
from web.idempotency import claim, keep_secret
from web.identity import is_valid
from web.routing import Noun

noun = Noun("tokens")


class TokenBody(Struct, frozen=True):
    note: str | None = None
    expires_in: int | None = None
    scopes: list[str] | None = None
    roles: list[str] | None = None
    auth: Any = None


@noun.get("/users/<user>/tokens", access=needs("read:tokens"))
async def listed(user: str) -> Response:
    row = known_user(user)
    rows = [token for token in tokens.of_owner(database(), user_stream(row.id)) if is_valid(token)]
    return reply({"api_tokens": [hub().models.token(token, row.name) for token in rows]})


@noun.post("/users/<user>/tokens", access=needs("tokens"), statuses=(201,))
async def issue(user: str) -> Response:
    """A new token: the only time it is shown."""
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

    await hub().token_entities.ask(token_id, command, by=by(), claim=claim(outcome))
    issued = tokens.by_id(database(), token_id)
    assert issued is not None, "a token that was issued just now is there"
    model = hub().models.token(issued, row.name)
    keep_secret(Outcome(201, encode(model)))
    return reply(changed(model, token=secret), 201)


@noun.get("/users/<user>/tokens/<token>", access=needs("read:tokens"))
async def read(user: str, token: str) -> Response:
    row = known_user(user)
    return reply(hub().models.token(_token_of(row, token), row.name))


@noun.delete("/users/<user>/tokens/<token>", access=needs("tokens"), statuses=(204,))
async def revoke(user: str, token: str) -> Response:
    """Takes effect at once."""
    found = _token_of(known_user(user), token)
    if found.server:
        raise InvalidError("The token of a server ends with the server.")
    await hub().token_entities.ask(
        found.id, Revoke(), by=by(), claim=claim(lambda _: Outcome(204)), urgent=True
    )
    return empty(204)


def _token_of(user: UserRow, token_id: str) -> TokenRow:
    row = tokens.by_id(database(), token_id)
    if row is None or row.owner != user_stream(user.id) or not is_valid(row):
        raise NotFoundError(f"{user.name} has no token with the id {token_id[:40]!r}.")
    return row


def _default_note(user: UserRow) -> str:
    identity = caller()
    if (identity.kind, identity.name) == ("user", user.name):
        return "Requested via api"
    return f"Requested via api by {identity.kind} {identity.name}"


def _expiry(seconds: int | None) -> datetime | None:
    if seconds is None:
        return None
    if not 1 <= seconds <= 10 * 365 * 86400:
        raise InvalidError("expires_in is a number of seconds, at least 1 and at most ten years.")
    return datetime.now(UTC) + timedelta(seconds=seconds)


def _scopes(asked: TokenBody, user: UserRow) -> list[str]:
    """As asked for, within what the owner holds. Raises InvalidError naming what goes beyond."""
    if asked.roles is not None and asked.scopes is not None:
        raise InvalidError("Give roles or scopes, not both.")
    requested = asked.scopes
    if asked.roles is not None:
        roles = hub().roles.roles
        if unknown := [name for name in asked.roles if name not in roles]:
            raise InvalidError(f"There is no role named {unknown[0]!r}.")
        requested = [scope for name in asked.roles for scope in roles[name].scopes]
    if requested is None:
        return list(hub().roles.roles["token"].scopes)
    rights = hub().rights
    excess = excess_scopes(requested, Owner(user=user.name), rights.of_user(user), rights.memberships)
    if excess:
        raise InvalidError(f"{user.name} does not hold: {', '.join(excess)}.")
    return requested
