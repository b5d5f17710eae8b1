"""What the hub asks of a place that runs servers.

Everything a spawner makes is named after the spawn id before it exists. So a hub that restarts may call
`start` again and join the attempt under way, and `stop` also works after a `start` that was cut short.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol, TypeVar

import trio
from msgspec import Struct

from core.settings import SpawnerSettings

S = TypeVar("S", bound=SpawnerSettings)
UserOptions = dict[str, Any]

ANOTHER_ANSWERS = "another-answers"
"""The `reason` of a SpawnError: somebody else listens where the server should."""


class Attempt(Struct, frozen=True):
    """One start of one server, with all a spawner needs to know; built anew after a restart.

    `environment` is the hub's part of the server's environment and holds the server's token: never log it.
    `settings`: of the spawner's own type, as options and hooks have left them for this start; None: as configured.
    `mark`: to be kept with what is started, and told by `marks`: see core/reconcile/mark.py.
    """

    spawn_id: str
    user: str
    server: str
    prefix: str
    user_options: UserOptions
    environment: dict[str, str]
    settings: SpawnerSettings | None = None
    mark: str = ""

    def settings_as(self, kind: type[S], configured: S) -> S:
        """The settings of this start, of the spawner's own type."""
        settings = configured if self.settings is None else self.settings
        if not isinstance(settings, kind):
            raise TypeError(
                f"{type(settings).__name__} given to a spawner whose settings are {kind.__name__}"
            )
        return settings


class Progress(Struct, frozen=True, omit_defaults=True):
    """A message on the way to ready. `progress`: 0 to 100, None if it says nothing about how far it is."""

    message: str
    progress: float | None = None
    html_message: str = ""
    extra: dict[str, Any] = {}


Report = Callable[[Progress], None]


class Telling:
    """Who tells how a start gets on: the spawner, or a hook that has taken this upon itself.

    `nursery`: ends with the start, and all in it.
    """

    def __init__(self, report: Report, nursery: trio.Nursery) -> None:
        self._report = report
        self.nursery = nursery
        self.is_taken = False  # by a hook

    def by_spawner(self, message: Progress) -> None:
        if not self.is_taken:
            self._report(message)

    def by_hook(self, message: Progress) -> None:
        """Nothing any more once the start is over: threads that were left to themselves go on."""
        if not self.nursery.cancel_scope.cancel_called:
            self._report(message)


class Running(Struct, frozen=True):
    """It runs. `state`: as `Spawner.state`."""

    state: dict[str, Any] = {}


class Gone(Struct, frozen=True):
    """Nothing of it is left. `exit_status`: negative for a signal, None where it cannot be known.

    `trouble`: a sentence for people about what else was found to be wrong.
    """

    exit_status: int | None = None
    trouble: str = ""


class Spawner(Protocol):
    """Starts, watches and ends one single-user server per spawn id.

    Every method may be called again for the same spawn id, by this hub or by the next, and may be cancelled.
    Each raises UnreachableError when the backend could not be asked.
    """

    async def start(self, attempt: Attempt, report: Report) -> str:
        """The URL at which the server will answer (scheme, host and port), once that is known.

        Joins the attempt if it is already under way. An attempt that has already ended is not run a second
        time: SpawnError. Raises SpawnError if it never will answer.
        """

    async def wait_up(self, spawn_id: str, url: str) -> None:
        """Return once the server answers HTTP at this URL, with whatever status below 500; the caller sets
        the deadline. For most, `core.machine.readiness.wait_server_up`. Raises SpawnError if it never can, and where
        another than this attempt is known to answer.
        """

    async def poll(self, spawn_id: str) -> Running | Gone:
        """Whether it runs. A spawn id that was never started is gone."""

    async def wait_news(self, spawn_id: str) -> None:
        """Return when polling now may tell something new; spurious returns are fine.

        A spawner that is never told of deaths may wait for ever: the hub polls every `poll_interval`.
        """

    async def stop(self, spawn_id: str) -> Gone:
        """Return once nothing is left of it. Stopping what is not there is fine."""

    async def list_attempts(self) -> list[str]:
        """The spawn ids of everything that may still run. What users keep (volumes, homes, claims) is no attempt."""

    async def marks(self) -> dict[str, str]:
        """The same, each with the mark it was started with; `""` where there is none.

        So the hub can end what no server knows, and leaves alone what its log did not start.
        """

    def state(self, spawn_id: str) -> dict[str, Any]:
        """What an administrator may see of what runs, such as `{"pid": 4711}`; nothing if nothing does."""

    def last_lines(self, spawn_id: str) -> list[str]:
        """The last lines (at most 100) of its output; they survive the server until `forget`."""

    def follow_output(self, spawn_id: str, offset: int = 0) -> AsyncIterator[tuple[bytes, int]]:
        """What it writes from `offset` (bytes) on, with the offset behind each piece, until it has ended."""

    async def forget(self, spawn_id: str) -> None:
        """Drop what is kept of an attempt that is gone (its output, its files)."""

    def unsupported_options(self, user_options: UserOptions) -> frozenset[str]:
        """The names of the options this spawner cannot honour."""
