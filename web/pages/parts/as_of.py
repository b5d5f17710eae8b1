"""How a user and their servers were at a position of the log: the same folds as ever, up to there."""

from __future__ import annotations

from datetime import datetime
from itertools import takewhile
from typing import Any, assert_never, cast

from msgspec import Struct

from core.events.file.reading import position_at, positions_in, read_at, read_records, read_stream
from core.events.file.store import CHUNK
from core.events.record import By, Record, utc_text
from core.events.server import ServerEvent, SpawnRequested, server_stream
from core.events.user import UserEvent, user_stream
from core.server import Checking, Queued, Ready, Server, Spawning, Stopped, Stopping, evolve
from core.user import AnyUser, NoUser, User
from core.user import evolve as evolve_user
from web.pages.parts.server_rows import WORDS
from web.request.context import database, hub
from web.request.sent.numerals import whole_number
from web.request.sent.timestamps import parse_timestamp
from web.texts.translate import _

LOOKED_AT = 200  # events of a server: one attempt has fewer


class ServerThen(Struct, frozen=True):
    """`since`: when it came to be so; None: before anything had happened to it. `by`: who had asked for it."""

    name: str
    state: str
    state_text: str
    since: datetime | None
    by: str
    options: dict[str, Any] | None
    failure: str


class Then(Struct, frozen=True):
    position: int
    at: datetime
    name: str
    admin: bool
    leaving: bool
    servers: list[ServerThen]


def asked_position(text: str) -> int:
    """What `?at=` says: a position, or a moment, whose last event it is. 0: nothing. Raises InvalidError."""
    if not text:
        return 0
    position = whole_number(text)
    if position is not None:
        return min(position, hub().store.head)
    return position_at(database(), utc_text(parse_timestamp(text)))


def then(user_id: str, position: int) -> Then | None:
    """None: they were not there yet, or no longer."""
    moment = read_records(database(), position - 1, 1)
    user = _user(user_id, position)
    if not moment or not isinstance(user, User):
        return None
    servers = [_server(key, name, position) for key, name in user.servers.items()]
    servers.sort(key=lambda server: server.name)
    return Then(position, moment[0].at, user.name, user.admin, user.leaving, servers)


def _user(user_id: str, position: int) -> AnyUser:
    user: AnyUser = NoUser()
    version, stream = 0, user_stream(user_id)
    while chunk := read_stream(database(), stream, version, CHUNK):
        for record in takewhile(lambda record: record.position <= position, chunk):
            user = evolve_user(user, cast(UserEvent, record.event))
        if chunk[-1].position > position:
            break
        version = chunk[-1].version
    return user


def _server(server_id: str, name: str, position: int) -> ServerThen:
    """A start begins anew: what was before it does not count."""
    positions = positions_in(
        database(), server_stream(server_id), position + 1, 1, LOOKED_AT, newest_first=True
    )
    records = read_at(database(), positions[::-1])
    starts = [at for at, record in enumerate(records) if isinstance(record.event, SpawnRequested)]
    state: Server = Stopped()
    since: datetime | None = None
    for record in records[starts[-1] if starts else 0 :]:
        after = evolve(state, cast(ServerEvent, record.event))
        if type(after) is not type(state):
            since = record.at
        state = after
    asked: Record | None = records[starts[-1]] if starts else None
    word, failure = _word(state)
    options = state.user_options
    by = _who(asked.by, position) if asked and not isinstance(state, Stopped) else ""
    return ServerThen(name, word, _(WORDS[word]), since, by, options, failure)


def _word(state: Server) -> tuple[str, str]:
    match state:
        case Stopped(failure=failure):
            return ("stopped", "") if failure is None else ("failed", failure.reason)
        case Queued():
            return "queued", ""
        case Spawning():
            return "spawn", ""
        case Ready():
            return "ready", ""
        case Checking():
            return "check", ""
        case Stopping():
            return "stop", ""
        case _:
            assert_never(state)


def _who(by: By, position: int) -> str:
    kind, _slash, key = by.principal.partition("/")
    if kind == "user":
        return hub().feed.names.at(by.principal, position)
    return _("the hub") if kind == "hub" else f"{kind} {key}"
