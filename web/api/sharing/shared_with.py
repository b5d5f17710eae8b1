"""What is shared with a user or a group: list, read, leave."""

from __future__ import annotations

from quart import Response

from core.events.file.writer import Outcome
from core.events.group import group_stream
from core.events.user import user_stream
from projections import groups
from projections.sharing.shares import Listing
from web.api.sharing.shares import SHARES, listed
from web.models.shares import ShareModel
from web.request.access import needs
from web.request.answers import empty, reply
from web.request.context import by, database, hub
from web.request.idempotency import idempotency_record
from web.request.known import known_group, known_user
from web.request.routing import RouteGroup
from web.sharing.sharing import known_share

endpoints = RouteGroup("shared-with")


@endpoints.get("/users/<user>/shared", access=needs("read:users:shares"), answers={200: SHARES})
async def with_user(user: str) -> Response:
    """All that is shared with a user.

    Directly and through groups, so one server may be there several times.
    """
    row = known_user(user)
    teams = (group_stream(group.id) for group in groups.of_user(database(), row.id))
    return listed(Listing(grantees=(user_stream(row.id), *teams)))


@endpoints.get(
    "/users/<user>/shared/<owner>/<maybe:name>",
    access=needs("read:users:shares"),
    answers={200: ShareModel},
)
async def one_with_user(user: str, owner: str, name: str) -> Response:
    """How a server is shared with a user directly; what comes through a group is the group's."""
    return _read(user_stream(known_user(user).id), owner, name)


@endpoints.delete(
    "/users/<user>/shared/<owner>/<maybe:name>", access=needs("users:shares"), answers={204: None}
)
async def user_leaves(user: str, owner: str, name: str) -> Response:
    """Give up what is shared with a user."""
    return await _leave(user_stream(known_user(user).id), owner, name)


@endpoints.get("/groups/<group>/shared", access=needs("read:groups:shares"), answers={200: SHARES})
async def with_group(group: str) -> Response:
    """All that is shared with a group."""
    return listed(Listing(grantees=(group_stream(known_group(group).id),)))


@endpoints.get(
    "/groups/<group>/shared/<owner>/<maybe:name>",
    access=needs("read:groups:shares"),
    answers={200: ShareModel},
)
async def one_with_group(group: str, owner: str, name: str) -> Response:
    """How a server is shared with a group."""
    return _read(group_stream(known_group(group).id), owner, name)


@endpoints.delete(
    "/groups/<group>/shared/<owner>/<maybe:name>", access=needs("groups:shares"), answers={204: None}
)
async def group_leaves(group: str, owner: str, name: str) -> Response:
    """Give up what is shared with a group."""
    return await _leave(group_stream(known_group(group).id), owner, name)


def _read(grantee: str, owner: str, name: str) -> Response:
    return reply(
        hub().share_models.share(known_share(database(), hub().acts.sharing.server_id(owner, name), grantee))
    )


async def _leave(grantee: str, owner: str, name: str) -> Response:
    sharing, outcome = hub().acts.sharing, idempotency_record(lambda _: Outcome(204))
    await sharing.leave(grantee, sharing.server_id(owner, name), by=by(), idempotency=outcome)
    return empty(204)
