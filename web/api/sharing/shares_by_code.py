"""Share codes without naming an owner: made for the caller's own server, looked at, accepted.

Below `/shares` stand the names of owners. A name that looks like a code still is a name if somebody has it.
"""

from __future__ import annotations

from quart import Response

from core.errors import ForbiddenError
from core.events.file.writer import Outcome
from core.events.log.tables import Tables
from core.events.user import user_stream
from projections import users
from web.api.sharing import share_codes
from web.api.sharing import shares as shares_api
from web.api.sharing.share_codes import CodeBody
from web.models.shares import ShareCodeModel, ShareModel
from web.request.access import IDENTIFIED, check_access, needs
from web.request.answers import encode, reply
from web.request.context import body, by, caller, database, hub
from web.request.idempotency import idempotency_record
from web.request.routing import RouteGroup
from web.sharing.sharing import known_share

endpoints = RouteGroup("shares-by-code")


class OwnCodeBody(CodeBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A code for this server of the caller's."""

    server_name: str = ""


@endpoints.post(
    "/shares", access=IDENTIFIED, takes=OwnCodeBody | None, answers={200: ShareCodeModel}, refusals=(404,)
)
async def issue() -> Response:
    """A new share code for a server of the caller's own: the only time it is shown. Needs the scope `shares`."""
    asked = await body(OwnCodeBody, required=False)
    identity = caller()
    if identity.kind != "user":
        raise ForbiddenError("Only users have servers to share.")
    _check("shares", user=identity.name, server=asked.server_name)
    return await share_codes.issue_code(identity.name, asked.server_name, asked)


@endpoints.get("/shares/<code:code>", access=IDENTIFIED, answers={200: ShareCodeModel})
async def read(code: str) -> Response:
    """What a code would share, for whoever has it."""
    if users.by_name(database(), code) is not None:
        _check("read:shares", user=code)
        return await shares_api.of_owner(code)
    return reply(hub().share_models.code(hub().acts.sharing.find_code(code)))


@endpoints.post("/shares/<code:code>/accept", access=IDENTIFIED, answers={200: ShareModel})
async def accept_it(code: str) -> Response:
    """Accept what a code shares: the caller's share, made or widened. Needs the scope `users:shares`."""
    if users.by_name(database(), code) is not None:
        _check("shares", user=code, server="accept")
        return await shares_api.grant(code, "accept")
    sharing, identity, model = hub().acts.sharing, caller(), hub().share_models.share
    found = sharing.find_code(code)
    _check("users:shares", user=identity.name)

    def outcome(db: Tables) -> Outcome:
        return Outcome(200, encode(model(known_share(db, found.server_id, user_stream(identity.id)))))

    return reply(
        model(await sharing.accept(found, identity, by=by(), idempotency=idempotency_record(outcome)))
    )


def _check(scope: str, **names: str) -> None:
    check_access(needs(scope), caller(), names, hub().rights.memberships)
