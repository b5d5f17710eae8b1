"""What the actors of servers need of the hub around them."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from core.actors.servers.deadlines import Deadlines
from core.events.file.store import EventStore
from core.plugins.spawner import Attempt, Spawner, Status, Telling, UserOptions
from core.server import Server, Spawning


class ServerRuntime(Protocol):
    """One for all servers."""

    store: EventStore
    spawner: Spawner
    mailbox_size: int

    def deadlines_of(self, user_options: UserOptions) -> Deadlines:
        """For a server that was started with these options."""

    def wait_turn(self, server_id: str, timeout: float) -> AbstractAsyncContextManager[bool]:
        """Wait until a queued server may start, and hold its place in the body. False: not in so many seconds."""

    def waits_in_engine(self, server_id: str, waits: bool) -> None:
        """Told when a start comes to stand in the queue of its engine, and when it does so no more."""

    async def attempt(self, server_id: str, spawning: Spawning, telling: Telling) -> Attempt:
        """All that the spawner needs to know of this start. May raise SpawnError."""

    async def wait_up(self, spawn_id: str, url: str) -> None:
        """Return once this attempt answers at this URL; the caller sets the deadline. May raise SpawnError."""

    async def poll(self, spawn_id: str) -> Status:
        """As the spawner's, which may be asked after many at once."""

    async def wait_routed(self, server_id: str) -> None:
        """Return once every proxy that is waited for has this server's route."""

    def unrouted(self, server_id: str) -> str:
        """What to tell who waits, where some proxy does not have it yet; no start waits for that one from now on."""

    async def after_end(self, server_id: str) -> None:
        """Do what is to be done when an attempt has been ended. Raises nothing, and ends within `deadlines.hook`."""

    def poll_delay(self) -> float:
        """Seconds until a running server is to be polled again; infinity for never."""

    def on_change(self, server_id: str, before: Server, after: Server) -> None:
        """Told of every change of phase, at once."""
