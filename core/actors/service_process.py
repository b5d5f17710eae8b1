"""Keeps the processes of managed services running: found again or started, started again when they end, ended in turn.

A service's process is an attempt of a spawner, as a server is, and its run id a spawn id. So a hub that was
killed leaves nothing unknown: the next one goes on with the run that the log names, and ends all others.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import trio
from msgspec import Struct

from core.actors.asking import retry_forever, wait_gone
from core.backoff import Backoff
from core.errors import HubError, SpawnError, UnreachableError
from core.naming.ids import new_id
from core.plugins.spawner import Attempt, Gone, Running, Spawner, Status
from core.service import Report, ReportExited, ReportFailed, ReportStarted

logger = logging.getLogger("callboard.services")

STABLE = 60.0  # seconds a process has to live for its end to be none of a series
SERIES = 5  # so many early ends in a row, and it has failed
RESTART = Backoff(0.1, 30.0)  # before it is started again
FAILED = Backoff(60.0, 60.0)  # the same once it has failed
LOOK_AGAIN = 30.0  # seconds between polls, should the spawner miss an end
LINES = 20  # of its output that are shown when it ends

T = TypeVar("T")


class Plan(Struct, frozen=True):
    """A service to keep running. `launch`: a digest of how it is to be launched.

    `former_run`, `former_launch`: of the process that ran when the log was last written, if one did.
    """

    name: str
    launch: str
    former_run: str = ""
    former_launch: str = ""


class ServiceRuntime(Protocol):
    """What is needed of the hub around."""

    spawner: Spawner

    def plans(self) -> list[Plan]:
        """The services to keep running."""

    def attempt(self, name: str, run: str) -> Attempt:
        """All that the spawner needs to know."""

    def launch(self, name: str) -> str:
        """The digest of how it would be launched now."""

    async def tell(self, name: str, report: Report) -> None:
        """Record what has become of a process."""


class _Life(Struct, frozen=True):
    """How one process fared. `seconds`: how long it lived."""

    seconds: float
    exit_status: int | None
    reason: str


class _Kept(Struct):
    """A service under way. `run`: of its process, `""` if none may be there."""

    plan: Plan
    run: str = ""


class ServiceProcesses:
    def __init__(self, runtime: ServiceRuntime) -> None:
        self._runtime = runtime
        self._spawner = runtime.spawner
        self._kept: dict[str, _Kept] = {}
        self._keeping = trio.CancelScope()
        self._over: trio.Event | None = None

    async def run(self) -> None:
        """Keep those of the plan running, and nothing else. When it is cancelled, what runs is left as it is."""
        self._kept = {plan.name: _Kept(plan, plan.former_run) for plan in self._runtime.plans()}
        self._over = trio.Event()
        try:
            with self._keeping:
                async with trio.open_nursery() as nursery:
                    await self._end_others({kept.run for kept in self._kept.values()})
                    for kept in self._kept.values():
                        nursery.start_soon(self._tend, kept)
        finally:
            self._over.set()

    async def end_all(self) -> None:
        """End them one after the other, in the order in which they were named."""
        self._keeping.cancel()
        if self._over is not None:
            await self._over.wait()
        for kept in self._kept.values():
            if kept.run:
                await self._end_run(kept)

    async def _end_others(self, known: set[str]) -> None:
        for run in await retry_forever(
            "tell which services run in", "the spawner", self._spawner.list_attempts
        ):
            if run not in known:
                logger.warning("ending a process of a service that the log does not know: %s", run)
                await self._end(run)

    # --- one service ---

    async def _tend(self, kept: _Kept) -> None:
        """A bug in what is done for one service is no reason to let go of the others, or of the hub."""
        while True:
            try:
                await self._keep(kept)
            except Exception:
                logger.exception("looking after service %s failed", kept.plan.name)
            if kept.run:
                await self._end_run(kept)
            await trio.sleep(FAILED.after(1))

    async def _keep(self, kept: _Kept) -> None:
        life = await self._go_on(kept)
        early = 0
        while True:
            if life is not None:
                early = early + 1 if life.seconds < STABLE else 0
                await self._tell_end(kept, life, failed=early > SERIES)
                await trio.sleep(_pause(early))
            life = await self._live(kept, new_id("s"), quiet=early > SERIES)

    async def _go_on(self, kept: _Kept) -> _Life | None:
        """The life of the process that an earlier hub left; None if it left none that will do."""
        plan, run = kept.plan, kept.run
        if not run:
            return None
        status = await self._poll(run)
        if isinstance(status, Running) and plan.former_launch == plan.launch:
            logger.info("service %s runs already", plan.name)
            return await self._live(kept, run, quiet=False)
        if isinstance(status, Running):
            logger.info("service %s is started anew: its configuration has changed", plan.name)
        await self._end_run(kept)
        return None

    async def _live(self, kept: _Kept, run: str, *, quiet: bool) -> _Life:
        """Start or join a process and wait for its end. `quiet`: say that it lives only once it has for a while."""
        kept.run = run
        began = trio.current_time()
        try:
            pid = await self._start(kept.plan.name, run)
        except SpawnError as error:
            gone, reason = Gone(error.exit_status), error.message
        else:
            started = ReportStarted(run, pid, self._runtime.launch(kept.plan.name))
            if not quiet:
                await self._tell(kept, started)
            with trio.move_on_after(STABLE) as youth:
                gone = await self._wait_gone(run)
            if youth.cancelled_caught:
                await self._tell(kept, started)
                gone = await self._wait_gone(run)
            reason = f"It ended with status {gone.exit_status}."
        return _Life(trio.current_time() - began, gone.exit_status, reason)

    async def _start(self, name: str, run: str) -> int:
        """Its pid, 0 where there is none. Raises SpawnError."""
        attempt = self._runtime.attempt(name, run)
        await _reach("start service", name, lambda: self._spawner.start(attempt, lambda _: None))
        await self._poll(run)
        pid = self._spawner.state(run).get("pid", 0)
        return pid if isinstance(pid, int) else 0

    async def _wait_gone(self, run: str) -> Gone:
        return await wait_gone(
            self._spawner,
            run,
            lambda: self._spawner.poll(run),
            LOOK_AGAIN,
            on=UnreachableError,
            is_loud=True,
            log=logger,
        )

    async def _poll(self, run: str) -> Status:
        return await _reach("tell whether it runs:", run, lambda: self._spawner.poll(run))

    async def _tell_end(self, kept: _Kept, life: _Life, *, failed: bool) -> None:
        name = kept.plan.name
        lines = (await self._spawner.last_lines(kept.run))[-LINES:]
        output = "".join(f"\n    {line}" for line in lines)
        logger.error("service %s has ended after %.0f s. %s%s", name, life.seconds, life.reason, output)
        await self._end(kept.run)
        if failed:
            await self._tell(kept, ReportFailed(life.reason, life.exit_status))
        else:
            await self._tell(kept, ReportExited(kept.run, life.exit_status))
        kept.run = ""

    async def _end_run(self, kept: _Kept) -> None:
        gone = await self._end(kept.run)
        await self._tell(kept, ReportExited(kept.run, gone.exit_status if gone else None))
        kept.run = ""

    async def _end(self, run: str) -> Gone | None:
        """End what is left of it, its descendants included; None if that could not be confirmed."""
        try:
            gone = await self._spawner.stop(run)
            await self._spawner.forget(run)
        except UnreachableError as error:
            logger.warning("cannot end %s: %s", run, error)
            return None
        except Exception:
            logger.exception("ending %s failed", run)
            return None
        return gone

    async def _tell(self, kept: _Kept, report: Report) -> None:
        """A log that cannot be written now, or no longer knows the service, is no reason to let go of a process."""
        try:
            await self._runtime.tell(kept.plan.name, report)
        except HubError as error:
            logger.warning("what became of service %s is not recorded: %s", kept.plan.name, error)


def _pause(early: int) -> float:
    return FAILED.after(1) if early > SERIES else RESTART.after(max(early, 1))


async def _reach(what: str, whom: str, ask: Callable[[], Awaitable[T]]) -> T:
    """The answer, once the spawner can be asked."""
    return await retry_forever(what, whom, ask, on=UnreachableError, log=logger)
