"""What of the log a request asks for, in its query."""

from __future__ import annotations

from core.events.server import server_stream
from core.events.token import token_stream
from core.events.user import user_stream
from core.scopes import Answer, Resource, Service, check
from projections.histories.belongings import Belonging, belonging
from projections.histories.called import servers_ever_called
from web.history.wanted import Wanted
from web.request.context import asked, database, hub, scopes
from web.request.known import known_user


def wanted_events() -> Wanted:
    """Of everything, or of what is named. Raises InvalidError."""
    tokens = _named("token")
    return Wanted(
        users=_named("user"),
        servers=_named("server"),
        groups=_named("group"),
        types=_named("type"),
        roles=_named("role"),
        tokens=tokens,
        used=tuple(filter(_may_read_token, tokens)),
    ).check()


def wanted_of(user: str) -> Wanted:
    """Of this user alone, or of those of their servers that are named. Raises NotFoundError, InvalidError."""
    of = user_stream(known_user(user).id)
    return Wanted(types=_named("type"), things=_servers(of) if "server" in asked().args else (of,)).check()


def _servers(of: str) -> tuple[str, ...]:
    """Those of a user that are named; nothing bears the name that comes first, so that none is not all."""
    named = _named("server")
    found = (one for name in named for one in servers_ever_called(database(), [of], name))
    return (server_stream(""), *found)


def _named(argument: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(asked().args.getlist(argument)))


def _may_read_token(token: str) -> bool:
    """What was done with a token is for those who may know of it."""
    owner = belonging(database(), token_stream(token))
    scope, resource = _reading(owner)
    return (
        resource is not None and check(scopes(), scope, resource, hub().rights.memberships) is Answer.ALLOWED
    )


def _reading(owner: Belonging) -> tuple[str, Resource | None]:
    """Which scope on what shows it: for tokens of services there is none but that of who makes services."""
    if owner.user:
        return "read:tokens", hub().feed.names.resource(user_stream(owner.user))
    if owner.other.startswith("service/"):
        return "admin:services", Service(owner.other.removeprefix("service/"))
    return "", None
