"""Shares of an owner's servers: list, grant, revoke."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from quart import Response

from core.errors import InvalidError
from core.events.file.writer import Outcome
from core.events.log.tables import Tables
from core.scopes import Server
from core.share import Revoke, meant_on
from projections.sharing import shares
from projections.sharing.shares import Listing
from web.models.shares import ShareModel
from web.request.access import needs
from web.request.answers import empty, encode, reply
from web.request.context import body, by, caller, database, hub
from web.request.declared import Paged
from web.request.idempotency import idempotency_record
from web.request.known import known_owner_and_server, known_user
from web.request.routing import RouteGroup
from web.request.sent.paging import page, paged
from web.sharing.sharing import Grantee, known_share
from web.site.bounds import ScopeNames

endpoints = RouteGroup("shares")

SHARES = Paged(list[ShareModel], always=True)


class ShareBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom it is about: a user or a group. `scopes` None or empty: the usual one, or to revoke, all."""

    user: str | None = None
    group: str | None = None
    scopes: ScopeNames | None = None


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    pass


@endpoints.get("/shares/<user>", access=needs("read:shares"), answers={200: SHARES})
async def of_owner(user: str) -> Response:
    """All shares of a user's servers."""
    return listed(Listing(owner=known_user(user).id))


@endpoints.get("/shares/<user>/<maybe:server>", access=needs("read:shares"), answers={200: SHARES})
async def of_server(user: str, server: str) -> Response:
    """All shares of a server."""
    _, found = known_owner_and_server(user, server)
    return listed(Listing(server=found.id))


@endpoints.post(
    "/shares/<user>/<maybe:server>", access=needs("shares"), takes=ShareBody, answers={200: ShareModel}
)
async def grant(user: str, server: str) -> Response:
    """Share a server with a user or a group. Granting never takes away."""
    asked = await body(ShareBody, required=False)
    named = _grantee(asked)
    sharing, model = hub().acts.sharing, hub().share_models.share
    full_scopes = sharing.scopes_to_share(asked.scopes, Server(user, server))
    _, found = known_owner_and_server(user, server)
    command = sharing.to_grant(caller(), found, named, full_scopes)

    def outcome(db: Tables) -> Outcome:
        return Outcome(200, encode(model(known_share(db, command.server, command.grantee))))

    return reply(model(await sharing.grant(command, by=by(), idempotency=idempotency_record(outcome))))


@endpoints.patch(
    "/shares/<user>/<maybe:server>",
    access=needs("shares"),
    takes=ShareBody,
    answers={200: (ShareModel, Nothing)},
)
async def revoke(user: str, server: str) -> Response:
    """Take a share back, or some of its scopes.

    Answers what is left of it, `{}` where that is nothing. Scopes are named as they stand in the share.
    """
    asked = await body(ShareBody, required=False)
    named = _grantee(asked)
    lost = meant_on(Server(user, server), asked.scopes, hub().rights.table) if asked.scopes else None
    _, found = known_owner_and_server(user, server)
    grantee = hub().acts.sharing.find(named)
    if grantee is None:
        return reply({})

    model = hub().share_models.share

    def rest(db: Tables) -> Any:
        left = shares.between(db, found.id, grantee)
        return {} if left is None else model(left)

    outcome = idempotency_record(lambda db: Outcome(200, encode(rest(db))))
    await hub().sharing.revoke(found.id, grantee, Revoke(lost), by=by(), idempotency=outcome)
    return reply(rest(database()))


@endpoints.delete("/shares/<user>/<maybe:server>", access=needs("shares"), answers={204: None})
async def revoke_all(user: str, server: str) -> Response:
    """Take all shares of a server back."""
    _, found = known_owner_and_server(user, server)
    await hub().sharing.revoke_all(found.id, by=by(), idempotency=idempotency_record(lambda _: Outcome(204)))
    return empty(204)


def listed(listing: Listing) -> Response:
    asked, db, model = page(), database(), hub().share_models.share
    items = [model(row) for row in shares.listed(db, listing, asked.offset, asked.limit)]
    return paged(items, asked, shares.count(db, listing), always_wrapped=True)


# --- whom ---


def _grantee(asked: ShareBody) -> Grantee:
    if asked.user and not asked.group:
        return Grantee("user", asked.user)
    if asked.group and not asked.user:
        return Grantee("group", asked.group)
    raise InvalidError("Exactly one of user and group says whom this is about.")
