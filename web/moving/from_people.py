"""Users, with their servers as far as these are kept, and groups. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from core.errors import InvalidError
from core.events.group import GroupCreated, group_stream
from core.events.log.append_request import Write
from core.events.server import OptionsStored, server_stream
from core.events.session import SessionMovedIn, session_stream
from core.events.user import (
    AuthStateChanged,
    ServerAdded,
    UserCreated,
    UserEvent,
    UserInfoChanged,
    user_stream,
)
from core.naming.names import check_any_server_name, check_user_name
from projections import auth_states
from web.moving.rows import Row, json_of, moment, object_of, raw, text
from web.moving.units import Comes, Known, Person, Pieces, Place, Stays
from web.sessions.signed_cookies import owner_digest


def people(users: Iterable[Row], spawners: Iterable[Row], known: Known, until: datetime) -> Pieces:
    """`until`: when the cookies of those who had logged in are worth nothing any more."""
    of_user: dict[int, list[Row]] = defaultdict(list)
    for spawner in spawners:
        of_user[spawner["user_id"]].append(spawner)
    for row in users:
        try:
            check_user_name(row["name"])
        except InvalidError as error:
            yield Stays("users", row["name"], error.message)
        else:
            yield from _person(row, of_user.pop(row["id"], []), known, until)


def _person(row: Row, spawners: list[Row], known: Known, until: datetime) -> Pieces:
    person = Person(known.id("u", "users", row["id"]), row["name"], _session_id(known, row["id"]))
    known.users[row["id"]] = person
    if seen := moment(row["last_activity"]):
        known.seen.users[person.id] = seen
    servers, stay = _servers(person, spawners, known)
    default = next((place for place, _ in servers if place.name == ""), None)
    default_id = default.id if default else known.id("v", "users", row["id"])
    events: list[UserEvent] = [
        UserCreated(person.name, default_id, bool(row["admin"]), since=moment(row.get("created")))
    ]
    if info := object_of(row.get("user_info")):
        events.append(UserInfoChanged(info))
    sealed = raw(row["encrypted_auth_state"])
    if sealed:
        events.append(AuthStateChanged(kept=True))
    events += [
        ServerAdded(place.id, place.name, text(spawner.get("display_name")), _options(spawner))
        for place, spawner in servers
        if place.name
    ]
    writes = [Write(user_stream(person.id), 0, events)]
    writes += [
        Write(server_stream(place.id), 0, [OptionsStored(_options(spawner) or {})])
        for place, spawner in servers
        if place.version
    ]
    cookie = SessionMovedIn(person.id, owner_digest(row["cookie_id"]), until)
    writes.append(Write(session_stream(person.session), 0, [cookie]))
    changes = (auth_states.kept(person.id, sealed),) if sealed else ()
    yield Comes("users", tuple(writes), changes)
    yield from stay
    yield from (Comes("named servers", ()) for place, _ in servers if place.name)
    if sealed:
        yield Comes("auth states", (), rows=0)


def _session_id(known: Known, row: int) -> str:
    """Of the form that session ids have."""
    return known.id("s", "sessions", row).encode().hex()[-32:]


def _servers(
    person: Person, spawners: list[Row], known: Known
) -> tuple[list[tuple[Place, Row]], list[Stays]]:
    found, stay = [], []
    for row in spawners:
        name = text(row["name"])
        if name:
            try:
                check_any_server_name(name)
            except InvalidError as error:
                stay.append(Stays("named servers", f"{person.name}/{name}", error.message))
                continue
        stored = 1 if not name and _options(row) else 0
        place = Place(known.id("v", "spawners", row["id"]), person, name, stored)
        known.servers[row["id"]] = place
        if seen := moment(row["last_activity"]):
            known.seen.servers[place.id] = seen
        found.append((place, row))
    return found, stay


def _options(spawner: Row) -> dict[str, Any] | None:
    found = json_of(spawner["user_options"])
    return found if isinstance(found, dict) else None


def groups(rows: Iterable[Row], memberships: Iterable[Row], known: Known) -> Pieces:
    members: dict[int, list[str]] = defaultdict(list)
    for membership in memberships:
        if membership["user_id"] in known.users:
            members[membership["group_id"]].append(known.users[membership["user_id"]].id)
    for row in rows:
        group_id = known.groups[row["id"]] = known.id("g", "groups", row["id"])
        created = GroupCreated(row["name"], tuple(members[row["id"]]), object_of(row.get("properties")))
        yield Comes("groups", (Write(group_stream(group_id), 0, [created]),))


def activity(known: Known) -> Iterator[dict[str, dict[str, datetime]]]:
    """When users, servers and tokens were last active, some at a time."""
    every = [
        (kind, key, at)
        for kind in ("users", "servers", "tokens")
        for key, at in getattr(known.seen, kind).items()
    ]
    for start in range(0, len(every), 500):
        batch: dict[str, dict[str, datetime]] = defaultdict(dict)
        for kind, key, at in every[start : start + 500]:
            batch[kind][key] = at
        yield dict(batch)
