"""The hub's side of its proxy: a process of its own, kept over restarts of the hub, started anew if it dies."""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

import msgspec
import trio

from core.settings import Settings
from web.proxies.free_address import ProxyError, check_free, check_redirect_free
from web.proxies.health import (
    ON_TIME,
    failures_in_a_row,
    health_url,
    loop_clock,
    restart_delay,
    wait_hung,
)
from web.proxies.running import ProxyHandle, arguments_of, callboard_command, open_proxy
from web.proxy.command import TOKEN_VARIABLE
from web.proxy.pid_file import PROTOCOL, PidFile

logger = logging.getLogger("callboard.proxy")

KEEP_TIMEOUT, START_TIMEOUT = 5.0, 20.0  # seconds
KEEP_TRIES = 4


class Proxy(Protocol):
    async def begin(self, connected: Callable[[], Awaitable[None]]) -> None: ...

    async def run(self) -> None: ...

    async def stop(self) -> None: ...


def make_proxy(settings: Settings, hub_address: str, secret: str) -> Proxy:
    if not settings.proxy.should_start:
        return ProxyElsewhere(hub_address)
    return ProxyProcess(settings, hub_address, secret)


class ProxyElsewhere:
    """One that somebody else starts, keeps and ends: `c.Proxy.should_start = False`."""

    def __init__(self, hub_address: str) -> None:
        self._hub_address = hub_address

    async def begin(self, connected: Callable[[], Awaitable[None]]) -> None:
        """Nobody is waited for: the hub serves meanwhile."""
        logger.warning(
            "start a proxy: callboard proxy --hub-url=%s, with %s as in the hub's environment",
            self._hub_address,
            TOKEN_VARIABLE,
        )

    async def run(self) -> None:
        await trio.sleep_forever()

    async def stop(self) -> None:
        """It is somebody else's."""


class ProxyProcess:
    def __init__(self, settings: Settings, hub_address: str, secret: str) -> None:
        self._settings = settings
        self._hub_address = hub_address
        self._secret = secret
        self._pid_file = Path(settings.callboard.proxy_pid_file).absolute()
        self._proxy: ProxyHandle | None = None

    async def begin(self, connected: Callable[[], Awaitable[None]]) -> None:
        """Find or start a proxy and wait until it follows the hub. Raises ProxyError if it does not.

        A proxy that is there and suits is kept: its connections outlive the hub. One that does not is ended
        once another listens beside it.
        """
        former = self._find()
        if former is None:
            check_free(self._settings.hub.bind_url)
            check_redirect_free(self._settings)
        elif await self._keeps(former, connected):
            logger.info("keeping the proxy that runs already (pid %d)", former.pid)
            self._proxy = former
            return
        self._proxy = await self._start()
        is_up = await self._comes_up(self._proxy, connected, START_TIMEOUT)
        if former is not None:
            logger.warning("replaced a proxy that does not suit this hub (pid %d)", former.pid)
            await former.end()
        if not is_up:
            await self.stop()
            raise ProxyError(f"The proxy did not come up at {self._settings.hub.bind_url}.")

    async def _keeps(self, former: ProxyHandle, connected: Callable[[], Awaitable[None]]) -> bool:
        """Whether it suits and follows this hub: asked again where this hub's own loop came late meanwhile."""
        if not self._suits(former):
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
        while (described := self._described()) is None or described.pid != proxy.pid:  # noqa: ASYNC110 -- of a file
            await trio.sleep(0.02)
        proxy.came_up(health_url(described.address, tls=bool(self._settings.hub.ssl_cert)))

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
            nursery.start_soon(_kill_if_hung, proxy)
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
            except OSError as error:
                logger.error("no proxy could be started: %s", error)  # noqa: TRY400 -- a traceback says no more
                failures += 1
            else:
                return failures

    async def stop(self) -> None:
        """End the proxy and wait until it is gone."""
        if self._proxy is not None:
            await self._proxy.end()
            self._proxy = None

    # --- the one that is there ---

    def _described(self) -> PidFile | None:
        try:
            return msgspec.json.decode(self._pid_file.read_bytes(), type=PidFile)
        except (OSError, msgspec.MsgspecError):
            return None

    def _find(self) -> ProxyHandle | None:
        """The proxy that an earlier hub has left, if it is alive."""
        described = self._described()
        pidfd = None if described is None else open_proxy(described)
        return None if described is None or pidfd is None else ProxyHandle(described.pid, pidfd)

    def _suits(self, proxy: ProxyHandle) -> bool:
        """Whether it is what this hub would start."""
        described = self._described()
        return (
            described is not None
            and described.protocol == PROTOCOL
            and arguments_of(proxy.pid) == self._arguments()
        )

    # --- a new one ---

    async def _start(self) -> ProxyHandle:
        child = await trio.to_thread.run_sync(self._popen)
        logger.info("started a proxy at %s (pid %d)", self._settings.hub.bind_url, child.pid)
        return ProxyHandle(child.pid, os.pidfd_open(child.pid), child)

    def _arguments(self) -> list[str]:
        hub = self._settings.hub
        arguments = [
            "proxy",
            f"--bind-url={hub.bind_url}",
            f"--hub-url={self._hub_address}",
            f"--base-url={hub.base_url}",
            f"--pid-file={self._pid_file}",
            f"--activity-interval={hub.last_activity_interval:g}",
        ]
        redirect = self._settings.proxy
        if redirect.redirect_port:
            arguments += [
                f"--redirect-port={redirect.redirect_port}",
                f"--redirect-to={redirect.redirect_to}",
            ]
        if hub.ssl_cert:
            arguments += [f"--ssl-key={hub.ssl_key}", f"--ssl-cert={hub.ssl_cert}"]
        return arguments

    def _popen(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 -- our own command
            [*callboard_command(), *self._arguments()],
            env={**os.environ, TOKEN_VARIABLE: self._secret},
            start_new_session=True,
            stdin=subprocess.DEVNULL,
        )


async def _kill_if_hung(proxy: ProxyHandle) -> None:
    await wait_hung(proxy)
    logger.error("the proxy (pid %d) does not answer any more: it is killed", proxy.pid)
    proxy.kill()
