"""Share codes of an owner's servers: list, issue, revoke."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct
from quart import Response

from core.events.file.writer import Outcome
from core.scopes import Server
from core.share_code import DEFAULT_LIFE, check_life
from projections.servers.servers import ServerRow
from projections.sharing import share_codes
from projections.sharing.share_codes import Listing, ShareCodeRow
from web.models.shares import ShareCodeModel
from web.request.access import needs
from web.request.answers import empty, encode, reply
from web.request.context import asked, body, by, caller, database, hub
from web.request.declared import Paged
from web.request.idempotency import idempotency_record, keep_secret
from web.request.known import known_owner_and_server, known_user
from web.request.routing import RouteGroup
from web.request.sent.paging import argument, page, paged
from web.sharing.sharing import issued_code
from web.site.bounds import ScopeNames

endpoints = RouteGroup("share-codes")

CODES = Paged(list[ShareCodeModel], always=True)


class RevokeQuery(Struct, frozen=True):
    code: str = ""
    id: str = ""


class CodeBody(Struct, frozen=True, forbid_unknown_fields=True):
    """`scopes` None or empty: the usual one. `expires_in`: seconds."""

    scopes: ScopeNames | None = None
    expires_in: int = DEFAULT_LIFE


@endpoints.get("/share-codes/<user>", access=needs("read:shares"), answers={200: CODES})
async def of_owner(user: str) -> Response:
    """All share codes of a user's servers."""
    return _listed(Listing(owner=known_user(user).id))


@endpoints.get("/share-codes/<user>/<maybe:server>", access=needs("read:shares"), answers={200: CODES})
async def of_server(user: str, server: str) -> Response:
    """All share codes of a server."""
    _, found = known_owner_and_server(user, server)
    return _listed(Listing(server=found.id))


@endpoints.post(
    "/share-codes/<user>/<maybe:server>",
    access=needs("shares"),
    takes=CodeBody | None,
    answers={200: ShareCodeModel},
)
async def issue(user: str, server: str) -> Response:
    """A new share code for a server: the only time it is shown."""
    return await issue_code(user, server, await body(CodeBody, required=False))


async def issue_code(user: str, server: str, asked: CodeBody) -> Response:
    """A new code: the only time it is shown."""
    check_life(asked.expires_in)
    sharing, model = hub().acts.sharing, hub().share_models.code
    full_scopes = sharing.scopes_to_share(asked.scopes, Server(user, server))
    sharing.check_may_share(caller(), full_scopes)
    _, found = known_owner_and_server(user, server)
    new = sharing.new_code(found, full_scopes, asked.expires_in)
    outcome = idempotency_record(lambda db: Outcome(200, encode(model(issued_code(db, new.command.digest)))))
    row = await sharing.issue(new, by=by(), idempotency=outcome)
    keep_secret(Outcome(200, encode(model(row))))
    return reply(model(row, new.code))


@endpoints.delete(
    "/share-codes/<user>/<maybe:server>", access=needs("shares"), query=RevokeQuery, answers={204: None}
)
async def revoke(user: str, server: str) -> Response:
    """Revoke one share code, by itself or by its id; without either, all of this server."""
    _, found = known_owner_and_server(user, server)
    sharing, outcome = hub().sharing, idempotency_record(lambda _: Outcome(204))
    if "code" in asked().args or "id" in asked().args:
        await sharing.withdraw(found.id, _meant(found).id, by=by(), idempotency=outcome)
    else:
        await sharing.withdraw_all(found.id, by=by(), idempotency=outcome)
    return empty(204)


def _meant(server: ServerRow) -> ShareCodeRow:
    """The code that the query speaks of. Raises NotFoundError."""
    sharing = hub().acts.sharing
    if "code" in asked().args:
        return sharing.of_server(server, sharing.find_code(argument("code")))
    return sharing.known_code(server, argument("id"))


def _listed(listing: Listing) -> Response:
    """Expired codes are left out, but count."""
    asked, db, model = page(), database(), hub().share_models.code
    now = datetime.now(UTC)
    rows = share_codes.listed(db, listing, asked.offset, asked.limit)
    items = [model(row) for row in rows if not row.has_expired(now)]
    return paged(items, asked, share_codes.count(db, listing), always_wrapped=True)
