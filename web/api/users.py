"""Users: list, read, create, delete, and when they were last seen."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

import trio
from msgspec import Struct
from quart import Response, request

from core.errors import AlreadyExistsError, ForbiddenError, InvalidError, NotFoundError
from core.events.store import Write
from core.events.user import UserCreated, user_stream
from core.events.writer import Outcome
from core.ids import new_id
from core.names import check_user_name, normalize_user_name
from core.user import Create, SetAdmin
from core.user import User as UserState
from projections import servers, users
from projections.users import Listing, UserRow
from web.access import Lists, needs
from web.answers import empty, encode, reply
from web.context import body, by, caller, database, hub, raw_body, scopes
from web.idempotency import claim
from web.models import UserModel
from web.paging import argument, page, paged
from web.routing import Noun
from web.timestamps import parse_timestamp

noun = Noun("users")

READ = needs(
    "read:users",
    "read:users:name",
    "read:servers",
    "read:users:groups",
    "read:users:activity",
    "read:roles:users",
)
FUTURE = timedelta(minutes=59)  # how far ahead of ours another clock may be


class UserBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Of all that a user model has, only `admin` means something here."""

    admin: bool = False
    name: str = ""
    groups: list[str] = []
    roles: list[str] = []
    auth_state: dict[str, Any] | None = None


class UsersBody(UserBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    usernames: list[str]


class SeenServer(Struct, frozen=True):
    last_activity: str


class ActivityBody(Struct, frozen=True):
    last_activity: str | None = None
    servers: dict[str, SeenServer] | None = None


def known_user(name: str, db: sqlite3.Connection | None = None) -> UserRow:
    row = users.by_name(db or database(), name)
    if row is None:
        raise NotFoundError(f"There is no user named {name!r}.")
    return row


def includes_stopped() -> bool:
    return "include_stopped_servers" in request.args and argument("include_stopped_servers").lower() not in (
        "0",
        "false",
    )


@noun.get("/users", access=Lists("list:users"))
async def listed() -> Response:
    """A page of users."""
    asked = page()
    listing = Listing(
        argument("state"), argument("name_filter"), argument("sort", "id"), asked.offset, asked.limit
    )
    db = database()
    rows = users.listed(db, listing)
    of_users = servers.of_users(db, [row.id for row in rows])
    if listing.state == "ready":
        rows = [row for row in rows if any(server.state == "ready" for server in of_users[row.id])]
    build, include = hub().models.user, includes_stopped()
    models = (build(row, of_users[row.id], scopes(), include_stopped=include) for row in rows)
    return paged([model for model in models if model is not None], asked, users.count(db, listing))


@noun.post("/users", access=needs("admin:users"), statuses=(201,))
async def create_many() -> Response:
    """Create all users that do not exist yet; 409 if all do."""
    asked = await body(UsersBody)
    _check_may_make_admins(asked.admin)
    if not asked.usernames:
        raise InvalidError("usernames must name at least one user.")
    names = list(dict.fromkeys(check_user_name(normalize_user_name(name)) for name in asked.usernames))
    while True:
        new = [name for name in names if users.by_name(database(), name) is None]
        if not new:
            raise AlreadyExistsError("All of these users exist already.")
        try:
            await _create(new, asked.admin)
            break
        except AlreadyExistsError:
            continue  # somebody else was faster with one of them
    return reply([_model(name) for name in new], 201)


@noun.get("/users/<user>", access=READ)
async def read(user: str) -> Response:
    row = known_user(user)
    model = hub().models.user(
        row, servers.of_user(database(), row.id), scopes(), include_stopped=includes_stopped()
    )
    if model is None:
        raise NotFoundError("")
    return reply(model)


@noun.post("/users/<user>", access=needs("admin:users"), statuses=(201,))
async def create(user: str) -> Response:
    asked = await body(UserBody, required=False)
    _check_may_make_admins(asked.admin)
    name = check_user_name(normalize_user_name(user))
    await _create([name], asked.admin)
    return reply(_model(name), 201)


@noun.delete("/users/<user>", access=needs("delete:users"), statuses=(202, 204))
async def delete(user: str) -> Response:
    """End all servers of the user, then delete the user. 202 if the servers take their time."""
    row = known_user(user)
    if (caller().kind, caller().id) == ("user", row.id):
        raise InvalidError("You cannot delete yourself.")
    the_hub = hub()
    await the_hub.departures.begin(row.id, by=by(), claim=claim(lambda _: Outcome(202)))
    with trio.move_on_after(the_hub.settings.hub.tornado_settings.slow_stop_timeout) as patience:
        await the_hub.departures.wait_gone(row.id)
    return empty(202 if patience.cancelled_caught else 204)


@noun.post("/users/<user>/activity", access=needs("users:activity"))
async def activity(user: str) -> Response:
    """When the user, and servers of theirs, were last active. Never moves backwards."""
    row = known_user(user)
    if not isinstance(await raw_body(), dict):
        raise InvalidError("A JSON object with last_activity or servers is required.")
    asked = await body(ActivityBody)
    if asked.last_activity is None and asked.servers is None:
        raise InvalidError("last_activity or servers is required.")
    by_name = {server.name: server for server in servers.of_user(database(), row.id)}
    seen = {name: _moment(server.last_activity) for name, server in (asked.servers or {}).items()}
    if unknown := sorted(seen.keys() - by_name.keys()):
        raise InvalidError(f"{user} has no server named {unknown[0]!r}.")
    whole = _moment(asked.last_activity) if asked.last_activity is not None else None
    gathered = hub().activity
    if whole is not None:
        gathered.saw_user(row.id, whole)
    for name, at in seen.items():
        gathered.saw_server(by_name[name].id, at)
    return empty(200, "text/html")


def _moment(text: str) -> datetime:
    at = parse_timestamp(text)
    if at > datetime.now(UTC) + FUTURE:
        raise InvalidError(f"{text[:40]!r} lies in the future.")
    return at


def _check_may_make_admins(admin: bool) -> None:
    if not admin:
        return
    identity = caller()
    if identity.kind == "user":
        row = users.by_id(database(), identity.id)
        if row is not None and row.admin:
            return
    else:
        service = hub().services.get(identity.name)
        if service is not None and service.admin:
            return
    raise ForbiddenError("Only administrators can make administrators.")


async def _create(names: list[str], admin: bool) -> None:
    """All of these or none. Each is a stream of its own that nobody else can be writing yet."""
    writes = [Write(user_stream(new_id("u")), 0, [UserCreated(name, new_id("v"), admin)]) for name in names]
    many = len(names) > 1

    def outcome(db: sqlite3.Connection) -> Outcome:
        models = [_model(name, db) for name in names]
        return Outcome(201, encode(models if many else models[0]))

    await hub().store.append(*writes, by=by(), claim=claim(outcome))


def _model(name: str, db: sqlite3.Connection | None = None) -> UserModel:
    row = known_user(name, db)
    model = hub().models.user(row, servers.of_user(db or database(), row.id), scopes())
    assert model is not None, "who may create a user may see it"
    return model


__all__ = ["Create", "SetAdmin", "UserState", "known_user", "noun"]
