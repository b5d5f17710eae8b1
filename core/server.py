"""A server as a state machine: none -> spawn -> ready -> stop -> none. Pure: no clock, no chance, no I/O.

Stopped --Start--> Spawning --SpawnSucceeded--> Ready --Stop--> Stopping --ServerStopped--> Stopped
   |                  ^  |  `--SpawnFailed--> Stopped |                ^
   |                  |  `------Stop (cancels)--------|----------------'
   |           SpawnAdmitted                          |--ServerDied--> Stopped
   |                  |
   `--Start---> Queued --Stop (cancels) or SpawnFailed--> Stopped: nothing had been begun
    (the hub restarts, or OutOfSight)  Ready --> Checking --ServerAdopted--> Ready
                                                 | `--ServerLost--> Stopped
                                                 `--Start, where its node is lost--> Spawning: what may still run
                                                                                     becomes a leftover
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, assert_never

from msgspec import Struct
from msgspec.structs import asdict, replace

from core.errors import AlreadyRunningError, PendingError
from core.events.hub import HubStarted
from core.events.server import (
    LeftoverEnded,
    OptionsStored,
    OutOfSight,
    ServerAdopted,
    ServerDied,
    ServerEvent,
    ServerLost,
    ServerStopped,
    SpawnAdmitted,
    SpawnAnswered,
    SpawnCancelled,
    SpawnFailed,
    SpawnProgressed,
    SpawnRequested,
    SpawnSucceeded,
    StopRequested,
)
from core.events.stop_reason import StopReason

MAX_MESSAGES = 50  # stored progress messages a spawn

UserOptions = dict[str, Any]

# --- states ---


class Stopped(Struct, frozen=True):
    """`failure`: how the last start failed, if it did. `spawn_id`: the last attempt, whose output is kept."""

    user_options: UserOptions | None = None
    failure: SpawnFailed | None = None
    spawn_id: str = ""
    leftovers: tuple[str, ...] = ()


class Starting(Struct, frozen=True):
    """What is known of a start under way. The names: see SpawnRequested."""

    spawn_id: str
    user_options: UserOptions
    prefix: str
    user_name: str = ""
    server_name: str = ""
    previous: str = ""
    leftovers: tuple[str, ...] = ()
    client_scopes: list[str] = []


class Queued(Starting, frozen=True):
    """It waits for its turn to start; nothing of it has been begun."""


class Spawning(Starting, frozen=True):
    """`url` is known once the server has answered there."""

    url: str = ""
    messages: int = 0


class Answered(Struct, frozen=True):
    """What is known of a server that has answered at `url`."""

    spawn_id: str
    user_options: UserOptions
    prefix: str
    url: str
    leftovers: tuple[str, ...] = ()


class Ready(Answered, frozen=True):
    """It answers."""


class Checking(Answered, frozen=True):
    """It was ready in the previous hub process, or its node is lost; whether it still is, is being verified.

    `lost`: why its engine cannot see it, in a sentence for people; `""` where it has not said so.
    """

    lost: str = ""


class Stopping(Struct, frozen=True):
    """`kept`: the attempt whose output is kept, where this one was never begun."""

    spawn_id: str
    user_options: UserOptions
    leftovers: tuple[str, ...] = ()
    kept: str = ""


Server = Stopped | Queued | Spawning | Ready | Checking | Stopping

# --- commands ---


class Start(Struct, frozen=True):
    """`user_options`: None for those of the last start. `queued`: it has to wait. The rest: see SpawnRequested."""

    spawn_id: str
    user: str
    user_name: str
    server_name: str
    prefix: str
    user_options: UserOptions | None
    token_digest: str
    token_scopes: list[str] = []
    queued: bool = False
    client_scopes: list[str] = []
    engine: str = ""
    token_prefix: str = ""


class Stop(Struct, frozen=True):
    """`spawn_id`: stop only that attempt; None: whatever is there."""

    why: str = ""
    spawn_id: str | None = None
    reason: StopReason = ""


class StoreOptions(Struct, frozen=True):
    user_options: UserOptions


News = (
    SpawnAdmitted
    | SpawnProgressed
    | SpawnAnswered
    | SpawnSucceeded
    | SpawnFailed
    | ServerStopped
    | ServerDied
    | ServerAdopted
    | ServerLost
    | OutOfSight
    | LeftoverEnded
)


class Report(Struct, frozen=True):
    """What the work of a state has found out. Late news is normal: it decides nothing."""

    news: News


Command = Start | Stop | StoreOptions | Report


def decide(server: Server, command: Command) -> list[ServerEvent]:
    """What happens if `command` reaches `server`: nothing, events, or a HubError."""
    match command:
        case Start():
            return _start(server, command)
        case Stop():
            return _stop(server, command)
        case StoreOptions():
            return _store_options(server, command)
        case Report():
            return [command.news] if _is_due(server, command.news) else []
        case _:
            assert_never(command)


def _start(server: Server, command: Start) -> list[ServerEvent]:
    match server:
        case Stopped():
            return [_requested(server, command)]
        case Queued() | Spawning():
            return []  # already on its way: asking twice is the same as asking once
        case Ready():
            raise AlreadyRunningError("This server is already running.")
        case Checking(lost=""):
            raise PendingError("This server is being checked after a restart of the hub.")
        case Checking():
            return _start_anew(server, command)
        case Stopping():
            raise PendingError("This server is still stopping.")
        case _:
            assert_never(server)


def _start_anew(lost: Checking, command: Start) -> list[ServerEvent]:
    """What may still run is fenced: its token and its route end, and it is a leftover from here on."""
    fenced: list[ServerEvent] = [
        StopRequested(lost.spawn_id, f"A new start takes its place. {lost.lost}", "reconciler"),
        ServerStopped(lost.spawn_id, leftover=True),
    ]
    stopped = replay(fenced, lost)
    assert isinstance(stopped, Stopped)
    return [*fenced, _requested(stopped, command)]


def _requested(server: Stopped, command: Start) -> SpawnRequested:
    given, stored = command.user_options, server.user_options or {}
    known = {
        "user_options": given if given is not None else stored,
        "leftovers": server.leftovers,
        "previous": server.spawn_id,
    }
    return SpawnRequested(**asdict(command) | known)


def _stop(server: Server, command: Stop) -> list[ServerEvent]:
    if isinstance(server, Stopped) or command.spawn_id not in (None, server.spawn_id):
        return []
    match server:
        case Queued():
            cancelled = SpawnCancelled(server.spawn_id, command.why, command.reason)
            return [cancelled, ServerStopped(server.spawn_id)]
        case Spawning():
            return [SpawnCancelled(server.spawn_id, command.why, command.reason)]
        case Ready() | Checking():
            return [StopRequested(server.spawn_id, command.why, command.reason)]
        case Stopping():
            return []
        case _:
            assert_never(server)


def _store_options(server: Server, command: StoreOptions) -> list[ServerEvent]:
    if not isinstance(server, Stopped):
        raise PendingError("The options of a server can be changed only while it is stopped.")
    return [] if server.user_options == command.user_options else [OptionsStored(command.user_options)]


def _is_due(server: Server, news: News) -> bool:
    """Whether `news` is about the attempt and the state the server is in."""
    match news:
        case SpawnAdmitted():
            due = isinstance(server, Queued)
        case SpawnProgressed():
            due = isinstance(server, Spawning) and server.messages < MAX_MESSAGES
        case SpawnAnswered():
            due = isinstance(server, Spawning) and server.url != news.url
        case SpawnSucceeded():
            due = isinstance(server, Spawning) and server.url != ""
        case SpawnFailed():
            due = isinstance(server, Queued | Spawning)
        case ServerStopped():
            due = isinstance(server, Stopping)
        case ServerDied():
            due = isinstance(server, Ready)
        case ServerAdopted() | ServerLost():
            due = isinstance(server, Checking)
        case OutOfSight():
            due = isinstance(server, Ready) or (isinstance(server, Checking) and server.lost != news.reason)
        case LeftoverEnded():
            return news.spawn_id in server.leftovers
        case _:
            assert_never(news)
    return due and server.spawn_id == news.spawn_id


def evolve(server: Server, event: ServerEvent) -> Server:
    """The server after `event`. Never refuses: by now it has happened."""
    match event:
        case SpawnRequested():
            return _begun(event)
        case SpawnAdmitted():
            return _admitted(server)
        case SpawnProgressed():
            return replace(server, messages=server.messages + 1) if isinstance(server, Spawning) else server
        case SpawnAnswered():
            return replace(server, url=event.url) if isinstance(server, Spawning) else server
        case SpawnSucceeded() | ServerAdopted():
            return _ready(server)
        case SpawnFailed():
            return _stopped(server, event.leftover, failure=event)
        case SpawnCancelled() | StopRequested():
            kept = server.previous if isinstance(server, Queued) else ""
            return Stopping(event.spawn_id, server.user_options or {}, server.leftovers, kept)
        case ServerStopped():
            return _stopped(server, event.leftover)
        case ServerDied() | ServerLost():
            return _stopped(server, leftover=False)
        case OutOfSight():
            return _doubted(server, event.reason)
        case LeftoverEnded():
            left = tuple(spawn_id for spawn_id in server.leftovers if spawn_id != event.spawn_id)
            return replace(server, leftovers=left)
        case OptionsStored():
            return replace(server, user_options=event.user_options)
        case _:
            assert_never(event)


def _begun(event: SpawnRequested) -> Queued | Spawning:
    kind = Queued if event.queued else Spawning
    return kind(**{field: getattr(event, field) for field in Starting.__struct_fields__})


def _admitted(server: Server) -> Server:
    return Spawning(**asdict(server)) if isinstance(server, Queued) else server


def _ready(server: Server) -> Server:
    if isinstance(server, Spawning | Checking):
        return Ready(**{field: getattr(server, field) for field in Answered.__struct_fields__})
    return server


def _doubted(server: Server, lost: str = "") -> Server:
    if isinstance(server, Ready | Checking):
        return Checking(**{field: getattr(server, field) for field in Answered.__struct_fields__}, lost=lost)
    return server


def _stopped(server: Server, leftover: bool, failure: SpawnFailed | None = None) -> Stopped:
    leftovers = (*server.leftovers, server.spawn_id) if leftover else server.leftovers
    return Stopped(server.user_options, failure, _last_begun(server), leftovers)


def _last_begun(server: Server) -> str:
    """The attempt whose output is kept: the last one that there was anything of."""
    match server:
        case Queued():
            return server.previous
        case Stopping(kept=kept) if kept:
            return kept
        case _:
            return server.spawn_id


def on_hub_started(server: Server, event: HubStarted) -> Server:
    """A new hub has not seen this server yet, so a ready one is in doubt."""
    return _doubted(server) if isinstance(server, Ready) else server


def replay(events: Iterable[ServerEvent | HubStarted], server: Server | None = None) -> Server:
    """The server that these events, in the order of the log, have made."""
    state: Server = server or Stopped()
    for event in events:
        state = on_hub_started(state, event) if isinstance(event, HubStarted) else evolve(state, event)
    return state


def has_ended(server: Server) -> bool:
    """Whether nothing of it is left: it is stopped, and so is all that it has ever left behind."""
    return isinstance(server, Stopped) and not server.leftovers


def is_same_phase(before: Server, after: Server) -> bool:
    """Whether the work that `before` called for is the work that `after` calls for."""
    return type(before) is type(after) and before.spawn_id == after.spawn_id
