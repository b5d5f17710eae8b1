"""A proxy's process, as the hub keeps it: found or started, watched, started anew when it ends or hangs."""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Awaitable, Callable
from typing import Protocol

import trio

from web.proxies.free_address import ProxyError
from web.proxies.health import ON_TIME, failures_in_a_row, loop_clock, restart_delay, wait_hung
from web.proxies.running import ProxyHandle

logger = logging.getLogger("callboard.proxy")

KEEP_TIMEOUT, START_TIMEOUT = 5.0, 20.0  # seconds
KEEP_TRIES = 4


class Proxy(Protocol):
    """What carries the hub's routes to the public: ours follows them, another is driven. `Proxies` hears of both."""

    async def carry(self) -> None:
        """As long as this runs it has the routes, whatever happens to it. It runs until it is cancelled."""

    async def begin(self, connected: Callable[[], Awaitable[None]]) -> None:
        """Return once it serves, if it is the hub's to start. `connected`: returns once one has its routes.

        Raises ProxyError.
        """

    async def run(self) -> None:
        """Keep it running."""

    async def stop(self) -> None:
        """End it, if it is the hub's to end."""


class Program(Protocol):
    """What is run. `place`: where people reach it. `shares_port`: whether a second one may listen beside the first."""

    place: str
    shares_port: bool
    environment: dict[str, str]
    umask: int

    def command(self) -> list[str]: ...

    def find(self) -> ProxyHandle | None:
        """The one that an earlier hub has left, if it is alive."""

    def suits(self, proxy: ProxyHandle) -> bool:
        """Whether it is what this hub would start."""

    def check_free(self) -> None:
        """Raises ProxyError where somebody else listens."""

    def started(self, proxy: ProxyHandle) -> None:
        """Told of each that was started."""

    async def wait_listening(self, proxy: ProxyHandle) -> str:
        """Return the URL of its health, once it listens."""


class ProxyProcess:
    """`look_every`: seconds between looks at whether it hangs."""

    def __init__(self, program: Program, look_every: float) -> None:
        self._program = program
        self._look_every = look_every
        self._proxy: ProxyHandle | None = None

    async def carry(self) -> None:
        """It asks for its routes by itself."""
        await trio.sleep_forever()

    async def begin(self, connected: Callable[[], Awaitable[None]]) -> None:
        """A proxy that is there and suits is kept: its connections outlive the hub.

        One that does not suit is ended, where it can once another listens beside it.
        """
        former = self._program.find()
        if former is not None and await self._keeps(former, connected):
            logger.info("keeping the proxy that runs already (pid %d)", former.pid)
            self._proxy = former
            return
        if former is not None and not self._program.shares_port:
            await _replace(former)
            former = None
        if former is None:
            self._program.check_free()
        self._proxy = await self._start()
        is_up = await self._comes_up(self._proxy, connected, START_TIMEOUT)
        if former is not None:
            await _replace(former)
        if not is_up:
            await self.stop()
            raise ProxyError(f"The proxy did not come up at {self._program.place}.")

    async def _keeps(self, former: ProxyHandle, connected: Callable[[], Awaitable[None]]) -> bool:
        """Whether it suits and follows this hub: asked again where this hub's own loop came late meanwhile."""
        if not self._program.suits(former):
            return False
        async with loop_clock() as clock:
            for _ in range(KEEP_TRIES):
                if await self._comes_up(former, connected, KEEP_TIMEOUT):
                    return True
                if clock.take() <= ON_TIME:
                    break
        return False

    async def _comes_up(
        self, proxy: ProxyHandle, connected: Callable[[], Awaitable[None]], timeout: float
    ) -> bool:
        """Whether it listens, and some proxy follows the hub, before it ends or the time is over."""
        is_up = False

        async def wait_up() -> None:
            nonlocal is_up
            await self._wait_listening(proxy)
            await connected()
            is_up = True
            nursery.cancel_scope.cancel()

        with trio.move_on_after(timeout):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(wait_up)
                await proxy.wait_end()
                nursery.cancel_scope.cancel()
        return is_up

    async def _wait_listening(self, proxy: ProxyHandle) -> None:
        proxy.came_up(await self._program.wait_listening(proxy))

    async def run(self) -> None:
        """Start another whenever the proxy ends, or hangs: at once if it had run, with pauses while none can start."""
        failures = 0
        while True:
            assert self._proxy is not None, "it has begun"
            await self._watch(self._proxy)
            failures = failures_in_a_row(failures, self._proxy.seconds_up)
            failures = await self._start_another(failures)

    async def _watch(self, proxy: ProxyHandle) -> None:
        """Return when it has ended. One that hangs is killed: its socket would go on taking connections."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._wait_listening, proxy)
            nursery.start_soon(_kill_if_hung, proxy, self._look_every)
            await proxy.wait_end()
            nursery.cancel_scope.cancel()

    async def _start_another(self, failures: int) -> int:
        """How many failures in a row there were by the time that one was started."""
        while True:
            if self._proxy is not None:
                self._proxy.close()
                self._proxy = None
            delay = restart_delay(failures)
            logger.error("the proxy has ended; starting another in %.1f s", delay)
            await trio.sleep(delay)
            try:
                self._proxy = await self._start()
            except ProxyError as error:
                logger.error("no proxy could be started: %s", error)  # noqa: TRY400 -- a traceback says no more
                failures += 1
            else:
                return failures

    async def stop(self) -> None:
        """End the proxy and wait until it is gone."""
        if self._proxy is not None:
            await self._proxy.end()
            self._proxy = None

    async def _start(self) -> ProxyHandle:
        """Raises ProxyError."""
        command = self._program.command()
        try:
            child = await trio.to_thread.run_sync(self._popen, command)
        except OSError as error:
            raise ProxyError(f"{command[0]} cannot be run: {error.strerror}.") from error
        logger.info("started a proxy at %s (pid %d)", self._program.place, child.pid)
        proxy = ProxyHandle(child.pid, os.pidfd_open(child.pid), child)
        self._program.started(proxy)
        return proxy

    def _popen(self, command: list[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 -- our own command, or the configuration's
            command,
            env={**os.environ, **self._program.environment},
            umask=self._program.umask,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
        )


async def _replace(former: ProxyHandle) -> None:
    logger.warning("replacing a proxy that does not suit this hub (pid %d)", former.pid)
    await former.end()


async def _kill_if_hung(proxy: ProxyHandle, look_every: float) -> None:
    await wait_hung(proxy, look_every)
    logger.error("the proxy (pid %d) does not answer any more: it is killed", proxy.pid)
    proxy.kill()
