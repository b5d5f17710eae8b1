"""What can happen to a server. Stream: `server/{id}`.

Every event names the attempt it is about by its spawn id, so that late news of an earlier one is told apart.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.events.stop_reason import StopReason
from core.events.urgency import Ordinary, Urgent


def server_stream(server_id: str) -> str:
    return f"server/{server_id}"


class SpawnRequested(Ordinary, frozen=True, tag="server.spawn-requested"):
    """A start was asked for. A fold may begin here: it holds all that matters of what came before.

    `user`: the id of its user. The names are those of that moment, and so is `prefix`: the URL path the server
    will have for as long as it runs, renamed or not.
    `token_digest`: of the token the server will hold. `leftovers`: earlier attempts still to be ended.
    `previous`: the attempt before this one, whose output may be dropped once this one begins.
    `queued`: too many servers were starting, so this one waits for its turn: nothing has been begun.
    `client_scopes`: what visitors may let the server do in their name, besides letting them in.
    `engine`: the name of the spawner that starts it, and is asked for it from then on; `""`: recorded before there
    were several in one hub. `token_prefix`: the first characters of the server's token, by which JupyterHub would find
    it. `since`: when another hub had begun this attempt, which ran there when it was moved in, and is to be joined;
    None: begun here.
    """

    spawn_id: str
    user: str
    user_name: str
    server_name: str
    prefix: str
    user_options: dict[str, Any]
    token_digest: str
    token_scopes: list[str] = []
    leftovers: tuple[str, ...] = ()
    previous: str = ""
    queued: bool = False
    client_scopes: list[str] = []
    engine: str = ""
    token_prefix: str = ""
    since: datetime | None = None


class SpawnAdmitted(Ordinary, frozen=True, tag="server.spawn-admitted"):
    """Its turn to start has come."""

    spawn_id: str


class SpawnProgressed(Ordinary, frozen=True, tag="server.spawn-progressed"):
    """A message of the spawner's on the way to ready."""

    spawn_id: str
    message: str
    progress: float | None = None
    html_message: str = ""
    extra: dict[str, Any] = {}


class SpawnAnswered(Ordinary, frozen=True, tag="server.spawn-answered"):
    """It answers at `url`: from here on it has a route."""

    spawn_id: str
    url: str


class SpawnSucceeded(Ordinary, frozen=True, tag="server.ready"):
    """It answers, and whoever proxies for the hub knows the way."""

    spawn_id: str


class SpawnFailed(Urgent, frozen=True, tag="server.spawn-failed"):
    """It will not become ready.

    `status` and `phrase`: for an HTTP caller. `leftover`: its end could not be confirmed. `unexpected`: the reason is
    the text of an exception that nobody has worded for people. `headers`: for an HTTP caller, too.
    """

    spawn_id: str
    reason: str
    status: int = 500
    html_message: str = ""
    exit_status: int | None = None
    leftover: bool = False
    phrase: str = ""
    unexpected: bool = False
    headers: dict[str, str] = {}


class SpawnCancelled(Urgent, frozen=True, tag="server.spawn-cancelled"):
    """A stop was asked for while it was starting, or waited to. `why`: for people; who asked is in the envelope."""

    spawn_id: str
    why: str = ""
    reason: StopReason = ""


class StopRequested(Urgent, frozen=True, tag="server.stop-requested"):
    """`why`: for people; who asked is in the envelope."""

    spawn_id: str
    why: str = ""
    reason: StopReason = ""


class ServerStopped(Urgent, frozen=True, tag="server.stopped"):
    """A stop is over. `leftover`: the backend never confirmed it, the hub goes on ending it."""

    spawn_id: str
    exit_status: int | None = None
    leftover: bool = False


class ServerDied(Urgent, frozen=True, tag="server.died"):
    """It ended without having been asked to. `trouble`: what else was found to be wrong."""

    spawn_id: str
    exit_status: int | None = None
    trouble: str = ""


class ServerAdopted(Ordinary, frozen=True, tag="server.adopted"):
    """Found alive and answering after a restart of the hub, or with the node that had been lost."""

    spawn_id: str


class ServerLost(Urgent, frozen=True, tag="server.lost"):
    """Found gone after a restart of the hub. `trouble`: what else was found to be wrong."""

    spawn_id: str
    exit_status: int | None = None
    trouble: str = ""


class OutOfSight(Ordinary, frozen=True, tag="server.out-of-sight"):
    """Its engine has lost sight of it, which never proves that it does not run. `reason`: a sentence for people."""

    spawn_id: str
    reason: str


class LeftoverEnded(Urgent, frozen=True, tag="server.leftover-ended"):
    """The backend confirmed the end of an attempt that the server had already left behind."""

    spawn_id: str
    exit_status: int | None = None


class OptionsStored(Ordinary, frozen=True, tag="server.options-stored"):
    """Options for the next start, stored without one."""

    user_options: dict[str, Any]


ServerEvent = (
    SpawnRequested
    | SpawnAdmitted
    | SpawnProgressed
    | SpawnAnswered
    | SpawnSucceeded
    | SpawnFailed
    | SpawnCancelled
    | StopRequested
    | ServerStopped
    | ServerDied
    | ServerAdopted
    | ServerLost
    | OutOfSight
    | LeftoverEnded
    | OptionsStored
)
