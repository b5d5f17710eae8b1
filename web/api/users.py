"""Users: list, read, create, change, delete, and when they were last seen."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType
from quart import Response

from core.actors.new_users import creations
from core.errors import AlreadyExistsError, ForbiddenError, InvalidError, NotFoundError
from core.events.file.writer import Outcome
from core.events.log.tables import Tables
from core.scopes import listed as visible_in_lists
from core.user import Change, UserState
from projections import names, users
from projections.servers import servers
from projections.servers.servers import ServerRow
from projections.users import Listing, Visible
from web.models.models import UserModel
from web.models.servers_of import servers_of, servers_of_each
from web.request.access import Lists, check_access, needs
from web.request.answers import empty, encode, reply
from web.request.context import asked, body, by, caller, database, hub, raw_body, scopes
from web.request.declared import Paged
from web.request.idempotency import idempotency_record, keep_secret
from web.request.known import known_group, known_user
from web.request.routing import RouteGroup
from web.request.sent.paging import argument, page, paged, wants_wrapping
from web.request.sent.timestamps import parse_timestamp
from web.request.steps import in_steps
from web.servers.waiting import in_time

endpoints = RouteGroup("users")

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
    groups: list[Any] = []
    roles: list[Any] = []
    auth_state: dict[str, Any] | None = None


class UsersBody(UserBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    usernames: list[str]


class ChangeBody(Struct, frozen=True, forbid_unknown_fields=True):
    name: str | UnsetType = UNSET
    admin: bool | UnsetType = UNSET
    auth_state: dict[str, Any] | UnsetType | None = UNSET


class ReadQuery(Struct, frozen=True):
    """Of both anything but `0` and `false` means yes, nothing too. `include_failures`: why last starts have failed."""

    include_stopped_servers: str = "0"
    include_failures: str = "0"


class ListQuery(ReadQuery, frozen=True):
    state: Literal["", UserState] = ""
    name_filter: str = ""
    group: str = ""
    sort: Literal["id", "-id", "name", "-name", "last_activity", "-last_activity"] = "id"


class SeenServer(Struct, frozen=True):
    last_activity: str


class ActivityBody(Struct, frozen=True):
    last_activity: str | None = None
    servers: dict[str, SeenServer] | None = None


def includes_stopped() -> bool:
    return _includes("include_stopped_servers")


def _includes(what: str) -> bool:
    return what in asked().args and argument(what).lower() not in ("0", "false")


def _tell_failures(model: UserModel | None, its: Sequence[ServerRow]) -> None:
    if model is None or isinstance(model.servers, UnsetType):
        return
    for row in its:
        if shown := model.servers.get(row.name):
            failed = row.failed()
            shown.failure = None if failed is None else failed.reason


@endpoints.get(
    "/users",
    access=Lists("list:users"),
    query=ListQuery,
    answers={200: Paged(list[UserModel])},
    refusals=(404,),
)
async def listed() -> Response:
    """A page of the users that the caller may list.

    As in JupyterHub, `ready` pages through the active ones and leaves out the rest: a page may be short. Those with
    some server that runs, that is on its way or the last start of which has failed come in full pages with `running`,
    `pending` and `failed`. `group`: those who are in it, for who may read that group.
    """
    asked, db = page(), database()
    state = argument("state")
    only_ready = state == "ready"
    listing = Listing(
        "active" if only_ready else state,
        argument("name_filter"),
        argument("sort", "id"),
        asked.offset,
        asked.limit,
        _visible(),
        hub().activity.users,
        _group(argument("group")),
    )
    rows = users.listed(db, listing)
    include = includes_stopped()
    of_users = servers_of_each(db, rows, include_stopped=include)
    if only_ready:
        rows = [row for row in rows if any(server.state == "ready" for server in of_users[row.id])]
    hub().rights.look_up(rows)
    build, held = hub().models.user, scopes()
    models = [build(row, of_users[row.id], held, include_stopped=include) for row in rows]
    if _includes("include_failures"):
        for row, model in zip(rows, models, strict=True):
            _tell_failures(model, of_users[row.id])
    total = users.count(db, listing) if wants_wrapping() else 0
    return paged([model for model in models if model is not None], asked, total)


def _group(name: str) -> str:
    """The id of a group whose members are asked for. Raises NotFoundError, or ForbiddenError for others."""
    if not name:
        return ""
    check_access(needs("read:groups"), caller(), {"group": name}, hub().rights.memberships)
    return known_group(name).id


def _visible() -> Visible | None:
    reach = visible_in_lists(scopes(), "list:users")
    assert reach is not None, "others are not let in"
    return None if reach.everywhere else Visible(reach.users, reach.groups)


@endpoints.post(
    "/users", access=needs("admin:users"), takes=UsersBody, answers={201: list[UserModel]}, refusals=(409,)
)
async def create_many() -> Response:
    """Create all users that do not exist yet; 409 if all do."""
    asked = await body(UsersBody)
    if not asked.usernames:
        raise InvalidError("usernames must name at least one user.")
    if asked.admin:
        _check_is_admin("make administrators")
    wanted = list(dict.fromkeys(await in_steps(hub().user_names.stored, asked.usernames)))
    while True:
        holders = await in_steps(partial(names.holder_of, database(), "user"), wanted)
        new = [name for name, holder in zip(wanted, holders, strict=True) if holder is None]
        if not new:
            raise AlreadyExistsError("All of these users exist already.")
        await _check_can_log_in(new)
        with contextlib.suppress(AlreadyExistsError):  # somebody else was faster with one of them
            return reply(await _create(new, asked.admin, encode), 201)


@endpoints.get("/users/<user>", access=READ, query=ReadQuery, answers={200: UserModel})
async def read(user: str) -> Response:
    """The model of a user, as far as the caller may see it."""
    row = known_user(user)
    include = includes_stopped()
    its = servers_of(database(), row, include_stopped=include)
    model = hub().models.user(row, its, scopes(), include_stopped=include)
    if model is None:
        raise NotFoundError(f"There is no user named {user!r}.")
    if _includes("include_failures"):
        _tell_failures(model, its)
    if model.auth_state is not UNSET:
        model.auth_state = hub().logins.auth_states.of(row.id)
    return reply(model)


@endpoints.post(
    "/users/<user>",
    access=needs("admin:users"),
    takes=UserBody | None,
    answers={201: UserModel},
    refusals=(409,),
)
async def create(user: str) -> Response:
    """Create a user."""
    asked = await body(UserBody, required=False)
    if asked.admin:
        _check_is_admin("make administrators")
    name = hub().user_names.stored(user)
    await _check_can_log_in([name])
    (model,) = await _create([name], asked.admin, lambda models: encode(models[0]))
    return reply(model, 201)


@endpoints.patch("/users/<user>", access=needs("admin:users"), takes=ChangeBody, answers={200: UserModel})
async def change(user: str) -> Response:
    """Rename a user, or make one an administrator or none. Their servers, tokens and history stay theirs."""
    row = known_user(user)
    asked = await body(ChangeBody)
    name = row.name if isinstance(asked.name, UnsetType) else hub().user_names.stored(asked.name)
    if names.holder_of(database(), "user", name) not in (None, row.id):
        raise InvalidError(f"There is already a user named {name!r}.")
    if row.admin or asked.admin is True:
        _check_is_admin("change or make administrators")
    if name != row.name:
        granting = hub().acts.granting
        granting.check_may_grant(caller(), granting.roles_of_user_name(name), f"The name {name}")
    if asked.auth_state:
        hub().logins.auth_states.check_kept()
    keep = () if asked.auth_state is UNSET else hub().logins.auth_states.change(row.id, asked.auth_state)
    command = Change(
        name,
        None if asked.admin is UNSET else asked.admin,
        auth_state=asked.auth_state is not None if keep else None,
    )
    show = _show()
    outcome = idempotency_record(lambda db: Outcome(200, encode(show(db, name))))
    try:
        await hub().entities.users.ask(row.id, command, by=by(), idempotency=outcome, changes=keep)
    except AlreadyExistsError as error:
        raise InvalidError(error.message) from None  # not 409: what JupyterHub answers here
    await hub().acts.disarming.disarm(row.id)  # should the new name be a blocked one
    model = show(database(), name)
    model.auth_state = None
    keep_secret(Outcome(200, encode(model)))
    model.auth_state = hub().logins.auth_states.of(row.id)  # whoever may change a user may see it
    return reply(model)


@endpoints.delete("/users/<user>", access=needs("delete:users"), answers={202: None, 204: None})
async def delete(user: str) -> Response:
    """End all servers of the user, then delete the user. 202 if the servers take their time."""
    row = known_user(user)
    if (caller().kind, caller().id) == ("user", row.id):
        raise InvalidError("You cannot delete yourself.")
    the_hub, deletion = hub(), hub().user_deletion
    await deletion.begin(row.id, by=by(), idempotency=idempotency_record(lambda _: Outcome(202)))
    if not deletion.is_under_way(row.id):
        return empty(204)
    timeout = the_hub.settings.hub.tornado_settings.slow_stop_timeout
    return empty(204 if await in_time(deletion.wait_gone(row.id), timeout, unless=the_hub.closed) else 202)


@endpoints.post("/users/<user>/admin-access", access=needs("servers"), answers={200: None})
async def admin_access(user: str) -> Response:
    """Deprecated: says whether administrators may use other people's servers, as `admin_access` was meant."""
    if not (hub().settings.hub.admin_access or os.environ.get("JUPYTERHUB_ADMIN_ACCESS", "0") == "1"):
        raise ForbiddenError("admin_access is off.")
    known_user(user)
    return empty(200, "application/json")


@endpoints.post(
    "/users/<user>/activity", access=needs("users:activity"), takes=ActivityBody, answers={200: None}
)
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
    return empty(200, "application/json")


def _moment(text: str) -> datetime:
    at = parse_timestamp(text)
    if at > datetime.now(UTC) + FUTURE:
        raise InvalidError(f"{text[:40]!r} lies in the future.")
    return at


def _check_is_admin(doing: str) -> None:
    if not hub().acts.granting.may_all_of_an_admin(caller()):
        raise ForbiddenError(
            f"Only administrators can {doing}, with all that they may; some of their scopes do not suffice."
        )


async def _check_can_log_in(new: list[str]) -> None:
    """Raises InvalidError where the authenticator knows that somebody never could."""
    for name in new:
        if names.holder_of(database(), "user", name) is None:
            await hub().logins.authenticator.check_new_user(name)


async def _create(new: list[str], admin: bool, answer: Callable[[list[UserModel]], bytes]) -> list[UserModel]:
    """All of these or none."""
    show = _show()

    def models(db: Tables) -> list[UserModel]:
        return [show(db, name) for name in new]

    outcome = idempotency_record(lambda db: Outcome(201, answer(models(db))))
    await hub().store.append(*creations(new, admins=new if admin else ()), by=by(), idempotency=outcome)
    return await in_steps(partial(show, database()), new)


def _show() -> Callable[[Tables, str], UserModel]:
    """How the caller sees a user of that name. Also for the writer of the log, who knows of no request."""
    models, held = hub().models, scopes()

    def show(db: Tables, name: str) -> UserModel:
        row = users.by_name(db, name)
        model = None if row is None else models.user(row, servers_of(db, row), held)
        return model or UserModel("user", name)  # renamed out of the caller's sight

    return show
