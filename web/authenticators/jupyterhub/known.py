"""The hub's users, as they are told to plug-ins."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import get_args

import trio

from core.events.group import GroupCreated, GroupEvent, UsersJoined, UsersLeft
from core.events.log.tables import Tables
from core.events.record import Record
from core.events.user import UserEvent
from projections import groups, users
from projections.users import UserRow
from web.authenticators.jupyterhub.asking import UserFacts

HEARS = (*get_args(UserEvent), *get_args(GroupEvent))


def facts_of(db: Tables, row: UserRow) -> UserFacts:
    names = tuple(group.name for group in groups.of_user(db, row.id))
    return UserFacts(row.id, row.name, bool(row.admin), names)


def present(db: Tables, user_id: str) -> UserFacts:
    row = users.by_id(db, user_id)
    return UserFacts(user_id) if row is None else facts_of(db, row)


async def everybody(db: Tables) -> AsyncIterator[list[UserFacts]]:
    """A page at a time."""
    position = 0
    while page := users.after(db, position):
        yield [facts_of(db, row) for row in page]
        position = page[-1].position
        await trio.lowlevel.checkpoint()


def whom(record: Record) -> Iterator[str]:
    """The ids of the users whom this is about."""
    match record.event:
        case GroupCreated(users=ids) | UsersJoined(users=ids) | UsersLeft(users=ids):
            yield from ids
        case event if isinstance(event, UserEvent):
            yield record.stream.partition("/")[2]
        case _:
            pass
