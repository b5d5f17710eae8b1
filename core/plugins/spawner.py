"""What the hub asks of a place that runs servers.

Everything a spawner makes is named after the spawn id before it exists. So a hub that restarts may call
`start` again and join the attempt under way, and `stop` also works after a `start` that was cut short.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from datetime import datetime
from typing import Any, Protocol, TypeVar

import trio
from msgspec import Struct

from core.errors import NotFoundError, SpawnError
from core.machine.readiness import wait_server_up
from core.settings import SpawnerSettings

S = TypeVar("S", bound=SpawnerSettings)
UserOptions = dict[str, Any]

ANOTHER_ANSWERS = "another-answers"
"""The `reason` of a SpawnError: somebody else listens where the server should."""

LOST = "lost"
"""The `reason` of a SpawnError: what was being started is lost with its node, and may still run."""


class Attempt(Struct, frozen=True):
    """One start of one server, with all a spawner needs to know; built anew after a restart.

    `environment` is the hub's part of the server's environment and holds the server's token: never log it.
    `settings`: of the spawner's own type, as options and hooks have left them for this start; None: as configured.
    `mark`: to be kept with what is started, and told by `listed`: see core/reconcile/mark.py.
    `handler`: what hooks of the configuration see of the request; None where nobody asks, or no hook wants to know.
    `user_id`, `server_id`: what lasts (volumes, claims, homes) is named after these, never after an attempt.
    """

    spawn_id: str
    user: str
    server: str
    prefix: str
    user_options: UserOptions
    environment: dict[str, str]
    settings: SpawnerSettings | None = None
    mark: str = ""
    user_id: str = ""
    server_id: str = ""
    handler: Any = None

    def settings_as(self, kind: type[S], configured: S) -> S:
        """The settings of this start, of the spawner's own type."""
        settings = configured if self.settings is None else self.settings
        if not isinstance(settings, kind):
            raise TypeError(
                f"{type(settings).__name__} given to a spawner whose settings are {kind.__name__}"
            )
        return settings


class Progress(Struct, frozen=True, omit_defaults=True):
    """A message on the way to ready. `progress`: 0 to 100, None if it says nothing about how far it is.

    `is_waiting`: the attempt stands in the engine's own queue, from now until a message that does not say so. Such
    waiting does not count as starting: it has a deadline of its own.
    """

    message: str
    progress: float | None = None
    html_message: str = ""
    extra: dict[str, Any] = {}
    is_waiting: bool = False


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

    `reason`: a sentence for people on why it has ended, where the backend knows more than a status ("It ran out of
    memory."). `trouble`: another about what else was found to be wrong.
    """

    exit_status: int | None = None
    trouble: str = ""
    reason: str = ""

    @property
    def told(self) -> str:
        """All that people should read of it."""
        return " ".join(filter(None, (self.reason, self.trouble)))


class Lost(Struct, frozen=True):
    """Its engine answers, but has lost sight of it: its node is down, say. That never proves that it does not run.

    `reason`: a sentence for people ("Its node n7 does not answer.").
    """

    reason: str


class Listed(Struct, frozen=True):
    """Something that carries the hub's mark. `mark`: "" where there is none on it. `age`: in seconds, if known."""

    spawn_id: str
    mark: str = ""
    age: float | None = None


class Kept(Struct, frozen=True):
    """Whose lasting things: those of one server, or with `server_id` "" those of the user as a whole.

    The names are those of now, for backends that have no other.
    """

    user_id: str
    user: str
    server_id: str = ""
    server: str = ""


PREFIX_VARIABLE = "JUPYTERHUB_SERVICE_PREFIX"
"""Of a server's environment: below which path it serves."""


class Elsewhere(Struct, frozen=True):
    """A server that another hub has started, and that runs: what that hub knew of it.

    `spawn_id`: its attempt's from now on. `state`: as its spawner there left it; it may hold secrets. `url`: where it
    answers (scheme, host and port). `started`: by the clock of then, when its start was begun.
    """

    spawn_id: str
    user_id: str
    user: str
    server_id: str
    server: str
    prefix: str
    user_options: UserOptions
    state: dict[str, Any]
    url: str
    started: datetime


Status = Running | Lost | Gone
TellStatus = Callable[[str, Status], None]
Beat = Callable[[], None]

FOLLOW_INTERVAL = 1.0  # seconds between looks at what a server has written, where nothing better is known
HEARTBEAT = 60.0  # seconds within which `run` is to be heard of


class Spawner(Protocol):
    """Starts, watches and ends one single-user server per spawn id.

    Every method may be called again for the same spawn id, by this hub or by the next, and may be cancelled.
    Each raises UnreachableError when the backend could not be asked. What has a body here is for a spawner to
    replace where its backend offers more.

    `title`: what people call the engine behind it, at the beginning of a sentence ("Docker"); `""`: by its name.
    """

    title: str = ""

    async def run(self, beat: Beat) -> None:
        """A place for what lasts as long as the hub, such as one watch for all attempts.

        It is begun with the hub, begun anew after an error, and cancelled at the end. It calls `beat` whenever its
        backend has been heard of, at least every HEARTBEAT seconds; health tells where it did not. Returning means
        that there is nothing to be done.
        """
        del beat

    async def start(self, attempt: Attempt, report: Report) -> str:
        """The URL at which the server will answer (scheme, host and port), once that is known.

        Joins the attempt if it is already under way. An attempt that has already ended is not run a second
        time: SpawnError. Raises SpawnError if it never will answer.
        """

    async def take_in(self, found: Elsewhere, *, for_sure: bool = True) -> None:
        """Make what another hub has started an attempt of one's own, so that `start` with its id joins it.

        `for_sure`: else nothing is changed, and it is only said whether it could be. Doing it again is fine. Raises
        SpawnError: why it cannot be, or is not known to run.
        """
        del found, for_sure
        raise SpawnError("its spawner cannot take in what another hub has started")

    def hand_over(self, spawn_id: str) -> dict[str, Any]:
        """What the spawner of another hub, JupyterHub's of the same place, finds this attempt by: the state it keeps.

        It may hold secrets. Raises SpawnError: why it cannot go on there; OSError where that cannot be seen.
        """
        del spawn_id
        raise SpawnError("no spawner of JupyterHub's would find it")

    async def port_reported(self, spawn_id: str, port: int) -> None:
        """The attempt itself says, by its own token, on which port it listens: for backends that let it choose.

        On which machine that is, the spawner knows from its backend. Saying the same again is fine. Raises
        AlreadyExistsError for another port than the first, NotFoundError where none is waited for.
        """
        del spawn_id, port
        raise NotFoundError("The port of this server is not to be reported.")

    async def wait_up(self, spawn_id: str, url: str) -> None:
        """Return once the server answers HTTP at this URL, with whatever status below 500; the caller sets
        the deadline. Raises SpawnError if it never can, and where another than this attempt is known to answer.
        """
        del spawn_id
        await wait_server_up(url)

    async def poll(self, spawn_id: str) -> Status:
        """Whether it runs. A spawn id that was never started is gone.

        UnreachableError says that the backend cannot tell of anything now, Lost that of this alone it cannot.
        """

    async def poll_many(self, spawn_ids: Collection[str], tell: TellStatus) -> None:
        """Tell of each whether it runs, as soon as that is known; one that cannot be asked after is left out.

        Raises what kept it from asking after some, once all others are told of. Here each is polled by itself, all
        at the same time; a backend that can list what there is needs one question for all.
        """
        failures: list[Exception] = []

        async def ask(spawn_id: str) -> None:
            try:
                tell(spawn_id, await self.poll(spawn_id))
            except Exception as error:
                failures.append(error)

        async with trio.open_nursery() as nursery:
            for spawn_id in spawn_ids:
                nursery.start_soon(ask, spawn_id)
        if failures:
            raise failures[0]

    async def wait_news(self, spawn_id: str) -> None:
        """Return when polling now may tell something new; spurious returns are fine.

        A spawner that is never told of deaths may wait for ever: the hub polls every `poll_interval`.
        """
        del spawn_id
        await trio.sleep_forever()

    async def stop(self, spawn_id: str) -> Gone:
        """Return once nothing is left of it. Stopping what is not there is fine.

        Raises UnreachableError also for what is lost, for as long as it is: it may come back with its node.
        """

    async def listed(self) -> list[Listed]:
        """Everything that may still run, also on nodes that are lost, with the mark it was started with; sorted by
        spawn id.

        It is asked for every `c.Callboard.reconcile_interval`: the hub ends what no server knows, and leaves alone
        what its log did not start. What users keep (volumes, homes, claims) is no attempt, and is never listed.
        """

    async def list_attempts(self) -> list[str]:
        """The spawn ids alone."""
        return [one.spawn_id for one in await self.listed()]

    def state(self, spawn_id: str) -> dict[str, Any]:
        """What an administrator may see of what runs, such as `{"pid": 4711}`; nothing if nothing does.

        Whatever is known without asking the backend: it is called for every server of an answer.
        """
        del spawn_id
        return {}

    async def last_lines(self, spawn_id: str) -> list[str]:
        """The last lines (at most 100) of its output; they survive the server until `forget`."""
        del spawn_id
        return []

    async def follow_output(self, spawn_id: str, after: int = 0) -> AsyncIterator[tuple[bytes, int]]:
        """What it writes until it has ended, each piece with the place behind it.

        `after`: such a place, to go on from there; 0 for the beginning. What it counts is the spawner's choice (bytes,
        or the moments of a backend that keeps no offsets), as long as it grows. Here it is the lines of `last_lines`,
        looked at once a second: for servers that write no more than those.
        """
        has_ended = False
        while not has_ended:
            has_ended = isinstance(await self.poll(spawn_id), Gone)
            for line in (await self.last_lines(spawn_id))[after:]:
                after += 1
                yield f"{line}\n".encode(), after
            if not has_ended:
                await trio.sleep(FOLLOW_INTERVAL)

    async def forget(self, spawn_id: str) -> None:
        """Drop what is kept of an attempt that is gone (its output, its files)."""
        del spawn_id

    def may_keep(self, kept: Kept) -> bool:
        """Whether `delete_forever` may find anything of these. It is answered without asking the backend."""
        del kept
        return type(self).delete_forever is not Spawner.delete_forever

    async def delete_forever(self, kept: Kept) -> None:
        """Delete what outlives attempts, such as volumes: a server was removed, or a user deleted.

        Nothing of them runs any more. It may be called again; what is not there is fine. Raises UnreachableError where
        that cannot be done now: the server or user is not gone before it has returned.
        """
        del kept

    def free_now(self) -> Mapping[str, str]:
        """For the forms of starts: what may be chosen, with words on what is free there, known without asking."""
        return {}

    def unsupported_options(self, user_options: UserOptions) -> frozenset[str]:
        """The names of the options this spawner cannot honour."""
        del user_options
        return frozenset()
