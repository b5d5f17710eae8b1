"""What every event is about and what that was called at the time; and the history of each user, server and group.

Nothing here ends with what it is about: the log shows what happened to those who have gone, too. Things are written
as streams are: `user/{id}`, `server/{id}`, `group/{id}`, `role/{name}`; and `via/{id}` is all that was done with a
token or in a session. Activity, routes and the hub itself have no history here.
"""

from __future__ import annotations

import sqlite3

from sqlite_utils import Database

from core.events.access import AccessRefused
from core.events.group import GroupEvent
from core.events.job import JobCancelled, JobRequested
from core.events.oauth import CodeEvent
from core.events.record import Record
from core.events.role import RoleEvent
from core.events.route import RouteAdded, RouteRemoved
from core.events.server import OptionsStored, SpawnCancelled, SpawnRequested, StopRequested
from core.events.service import ServiceAdded, ServiceChanged, ServiceRemoved
from core.events.session import SessionEvent
from core.events.share import ShareCodeEvent, ShareEvent
from core.events.token import TokenEvent
from core.events.user import UserEvent
from projections.histories import belongings, called, noted

NAME = "histories"
VERSION = 4
TABLES = ("belongings", "called", "histories")
EVENTS: tuple[type, ...] = (
    *(UserEvent | GroupEvent | TokenEvent | SessionEvent | CodeEvent | RoleEvent).__args__,
    *(ShareEvent | ShareCodeEvent).__args__,
    AccessRefused,
    *(SpawnRequested, SpawnCancelled, StopRequested, OptionsStored),
    *(ServiceAdded, ServiceChanged, ServiceRemoved, RouteAdded, RouteRemoved, JobRequested, JobCancelled),
)


def create(db: Database) -> None:
    belongings.create(db)
    called.create(db)
    noted.create(db)


def project(db: sqlite3.Connection, record: Record) -> None:
    belongings.project(db, record)  # first: what an event is about may follow from what it says of belongings
    called.project(db, record)
    noted.project(db, record)
