"""Groups: list, read, create, delete, who is in them, and their properties."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct
from quart import Response

from core.errors import AlreadyExistsError, InvalidError
from core.events.file.store import Write
from core.events.file.writer import Outcome
from core.events.group import GroupCreated, group_stream
from core.events.log.tables import Tables
from core.group import Command, Delete, Join, Leave, ReplaceProperties
from core.naming.ids import new_id
from core.scopes import listed as visible_in_lists
from projections import groups, users
from projections.groups import GroupRow
from web.models.models import GroupModel
from web.request.access import Lists, needs
from web.request.answers import empty, encode, reply
from web.request.context import body, by, caller, database, hub, raw_body, scopes
from web.request.declared import Paged
from web.request.idempotency import idempotency_record
from web.request.known import known_group
from web.request.routing import RouteGroup
from web.request.sent.paging import argument, page, paged, wants_wrapping

endpoints = RouteGroup("groups")

MAX_NAME = 255


class GroupBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Of all that a group model has, only `users` means something here."""

    users: list[str] = []
    name: str = ""
    roles: list[Any] = []


class GroupsBody(GroupBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    groups: list[str]


class MembersBody(GroupBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    users: list[str]


class ListQuery(Struct, frozen=True):
    """`name_filter`: a part of the name, as of users."""

    name_filter: str = ""


@endpoints.get(
    "/groups", access=Lists("list:groups"), query=ListQuery, answers={200: Paged(list[GroupModel])}
)
async def listed() -> Response:
    """A page of the groups that the caller may list."""
    asked = page()
    reach = visible_in_lists(scopes(), "list:groups")
    assert reach is not None, "others are not let in"
    names = None if reach.everywhere else reach.groups
    db = database()
    show, part = _show(), argument("name_filter")
    models = [show(db, row) for row in groups.listed(db, names, asked.offset, asked.limit, part)]
    return paged(models, asked, groups.count(db, names, part) if wants_wrapping() else 0)


@endpoints.post(
    "/groups",
    access=needs("admin:groups"),
    takes=GroupsBody,
    answers={201: list[GroupModel]},
    refusals=(409,),
)
async def create_many() -> Response:
    """Create all these groups, or none; the users are put into each of them."""
    asked = await body(GroupsBody)
    if not asked.groups:
        raise InvalidError("groups must name at least one group.")
    return reply(await _create(asked.groups, asked.users), 201)


@endpoints.get(
    "/groups/<group>",
    access=needs("read:groups", "read:groups:name", "read:roles:groups"),
    answers={200: GroupModel},
)
async def read(group: str) -> Response:
    """The model of a group, as far as the caller may see it."""
    return reply(_show()(database(), known_group(group)))


@endpoints.post(
    "/groups/<group>",
    access=needs("admin:groups"),
    takes=GroupBody | None,
    answers={201: GroupModel},
    refusals=(409,),
)
async def create(group: str) -> Response:
    """Create a group, with these users in it."""
    asked = await body(GroupBody, required=False)
    (model,) = await _create([group], asked.users)
    return reply(model, 201)


@endpoints.delete("/groups/<group>", access=needs("delete:groups"), answers={204: None})
async def delete(group: str) -> Response:
    """Delete a group. Its roles, and what was shared with it, go with it."""
    row = known_group(group)
    await hub().entities.groups.ask(
        row.id, Delete(), by=by(), idempotency=idempotency_record(lambda _: Outcome(204))
    )
    return empty(204)


@endpoints.post("/groups/<group>/users", access=needs("groups"), takes=MembersBody, answers={200: GroupModel})
async def add_users(group: str) -> Response:
    """Put users into a group. Those who are in it already stay; if one does not exist, nobody is added."""
    row = known_group(group)
    asked = await body(MembersBody)
    roles = hub().rights.roles_of_group(row.id)
    hub().acts.granting.check_may_grant(caller(), roles, f"A place in {group}")
    return await _change(row, Join(_ids_of(asked.users)))


@endpoints.delete(
    "/groups/<group>/users", access=needs("groups"), takes=MembersBody, answers={200: GroupModel}
)
async def remove_users(group: str) -> Response:
    """Take users out of a group; who is not in it is no obstacle."""
    row = known_group(group)
    asked = await body(MembersBody)
    return await _change(row, Leave(_ids_of(asked.users)))


@endpoints.put(
    "/groups/<group>/properties", access=needs("groups"), takes=dict[str, Any], answers={200: GroupModel}
)
async def replace_properties(group: str) -> Response:
    """Replace all properties of a group by these."""
    row = known_group(group)
    properties = await raw_body()
    if not isinstance(properties, dict):
        raise InvalidError("The properties of a group are a JSON object.")
    return await _change(row, ReplaceProperties(properties))


def _ids_of(names: list[str]) -> tuple[str, ...]:
    """Raises InvalidError if one of these users does not exist."""
    stored = [hub().user_names.normalize(name) for name in names]
    known = users.existing(database(), stored)
    if unknown := [name for name in stored if name not in known]:
        raise InvalidError(f"There is no user named {unknown[0]!r}.")
    return tuple(known[name] for name in stored)


async def _create(names: list[str], users_in_each: list[str]) -> list[GroupModel]:
    """All of these or none: a name that is taken, or comes twice, refuses them all."""
    granting = hub().acts.granting
    for name in names:
        if not 0 < len(name) <= MAX_NAME:
            raise InvalidError(f"A group's name has 1 to {MAX_NAME} characters.")
        granting.check_may_grant(caller(), granting.roles_of_group_name(name), f"A group named {name}")
    for row in groups.listed(database(), names, limit=1):
        raise AlreadyExistsError(f"There is already a group named {row.name!r}.")
    members, show = _ids_of(users_in_each), _show()
    writes = [Write(group_stream(new_id("g")), 0, [GroupCreated(name, members)]) for name in names]

    def models(db: Tables) -> list[GroupModel]:
        return [show(db, row) for row in groups.listed(db, names, limit=len(names))]

    await hub().store.append(
        *writes, by=by(), idempotency=idempotency_record(lambda db: Outcome(201, encode(models(db))))
    )
    return models(database())


async def _change(row: GroupRow, command: Command) -> Response:
    """The group as the command left it."""
    show = _show()

    def answer(db: Tables) -> bytes:
        changed = groups.by_name(db, row.name)
        return b"" if changed is None else encode(show(db, changed))

    await hub().entities.groups.ask(
        row.id, command, by=by(), idempotency=idempotency_record(lambda db: Outcome(200, answer(db)))
    )
    return reply(show(database(), known_group(row.name)))


def _show() -> Callable[[Tables, GroupRow], GroupModel]:
    """How the caller sees a group. Also for the writer of the log, who knows of no request."""
    models, held = hub().models, scopes()

    def show(db: Tables, row: GroupRow) -> GroupModel:
        model = models.group(db, row, held)
        assert model is not None, "who may get here may see the group's name"
        return model

    return show
