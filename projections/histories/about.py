"""Whom and what an event is about: those that its stream, its fields and its author lead to."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from core.events.access import AccessRefused
from core.events.group import GroupCreated, UsersJoined, UsersLeft, group_stream
from core.events.record import Record
from core.events.role import RoleGranted, RoleWithdrawn
from core.events.server import SpawnRequested, server_stream
from core.events.share import ShareCodeExchanged
from core.events.user import (
    ServerAdded,
    ServerRemovalRequested,
    ServerRemoved,
    ServerRenamed,
    ServerTitled,
    user_stream,
)
from core.naming.ids import is_id
from projections.histories.belongings import belonging


class About(NamedTuple):
    """Ids, but for services and roles, which are their names. `others`: whom else it names, as streams.

    `stream`: its own. `via`: the id of the token or the session it was done with.
    """

    user: str = ""
    server: str = ""
    group: str = ""
    service: str = ""
    role: str = ""
    others: tuple[str, ...] = ()
    stream: str = ""
    via: str = ""

    def things(self) -> set[str]:
        """All that this event is part of the history of."""
        found = {one for one in self.others if not one.startswith("service/")}
        if self.stream:
            found.add(self.stream)
        if self.user:
            found.add(user_stream(self.user))
        if self.server:
            found.add(server_stream(self.server))
        if self.group:
            found.add(group_stream(self.group))
        if is_id(self.via):
            found.add(via(self.via))
        return found


def via(credential: str) -> str:
    """What was done with this token, or in this session, as a thing."""
    return f"via/{credential}"


def about(db: sqlite3.Connection, record: Record) -> About:
    found = _by_its_fields(db, record) or _by_its_stream(db, record)
    return found._replace(stream=record.stream, via=record.by.via)


def _by_its_fields(db: sqlite3.Connection, record: Record) -> About | None:
    entity = record.key
    match record.event:
        case (
            ServerAdded(server=server)
            | ServerRenamed(server=server)
            | ServerTitled(server=server)
            | ServerRemovalRequested(server=server)
            | ServerRemoved(server=server)
        ):
            return About(user=entity, server=server)
        case UsersJoined(users=users) | UsersLeft(users=users) | GroupCreated(users=users):
            return About(group=entity, others=tuple(map(user_stream, users)))
        case RoleGranted(holders=holders) | RoleWithdrawn(holders=holders):
            return About(role=entity, others=holders)
        case AccessRefused(users=tried):
            return About(others=tuple(map(user_stream, tried)))
        case SpawnRequested(user=user):
            return About(user=user, server=entity)
        case ShareCodeExchanged(user=user):
            code = belonging(db, record.stream)
            return About(code.user, code.server, others=(user_stream(user),))
    return None


def _by_its_stream(db: sqlite3.Connection, record: Record) -> About:
    entity = record.key
    match record.kind:
        case "user":
            return About(user=entity)
        case "server":
            return About(user=belonging(db, record.stream).user, server=entity)
        case "group":
            return About(group=entity)
        case "role":
            return About(role=entity)
        case "service":
            return About(service=entity)
        case "token":
            token = belonging(db, record.stream)
            return About(token.user, token.server, service=token.other.removeprefix("service/"))
        case "session" | "oauth-code":
            return About(user=belonging(db, record.stream).user)
        case "share" | "share-code":
            share = belonging(db, record.stream)
            return About(share.user, share.server, others=(share.other,) if share.other else ())
        case _:
            return About()
