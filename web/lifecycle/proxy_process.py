"""The hub's side of its proxy: a process of its own, kept over restarts of the hub, started anew if it dies."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import msgspec
import trio

from core.backoff import Backoff
from core.config import Settings
from core.process_identity import Identity, open_process, this_namespace
from web.proxy.command import TOKEN_VARIABLE
from web.proxy.pid_file import PROTOCOL, PidFile

logger = logging.getLogger("callboard.proxy")

RESTART = Backoff(0.1, 5.0, growth=4.0)
STEADY = 60.0  # seconds after which a proxy that ends had not failed to start
KEEP_PATIENCE, START_PATIENCE, END_PATIENCE = 5.0, 20.0, 10.0  # seconds


class ProxyError(Exception):
    """There is no proxy, and the hub cannot be reached without one; one line that says why."""


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
        self._proxy: Running | None = None

    async def begin(self, connected: Callable[[], Awaitable[None]]) -> None:
        """Find or start a proxy and wait until it follows the hub. Raises ProxyError if it does not.

        A proxy that is there and suits is kept: its connections outlive the hub. One that does not is ended
        once another listens beside it.
        """
        former = self._find()
        if former is None:
            check_free(self._settings.hub.bind_url)
        elif self._suits(former) and await self._comes_up(former, connected, KEEP_PATIENCE):
            logger.info("keeping the proxy that runs already (pid %d)", former.pid)
            self._proxy = former
            return
        self._proxy = await self._start()
        is_up = await self._comes_up(self._proxy, connected, START_PATIENCE)
        if former is not None:
            logger.warning("replaced a proxy that does not suit this hub (pid %d)", former.pid)
            await former.end()
        if not is_up:
            await self.stop()
            raise ProxyError(f"The proxy did not come up at {self._settings.hub.bind_url}.")

    async def _comes_up(
        self, proxy: Running, connected: Callable[[], Awaitable[None]], patience: float
    ) -> bool:
        """Whether it listens, and some proxy follows the hub, before it ends or patience does."""
        is_up = False

        async def wait_up() -> None:
            nonlocal is_up
            while not self._is_described(proxy):  # noqa: ASYNC110 -- a file tells nobody that it has changed
                await trio.sleep(0.02)
            await connected()
            is_up = True
            nursery.cancel_scope.cancel()

        with trio.move_on_after(patience):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(wait_up)
                await proxy.wait_end()
                nursery.cancel_scope.cancel()
        return is_up

    async def run(self) -> None:
        """Start another whenever the proxy ends."""
        failures = 0
        while True:
            assert self._proxy is not None, "it has begun"
            began = trio.current_time()
            await self._proxy.wait_end()
            failures = 1 if trio.current_time() - began > STEADY else failures + 1
            await self._start_another(failures)

    async def _start_another(self, failures: int) -> None:
        while True:
            if self._proxy is not None:
                self._proxy.close()
                self._proxy = None
            delay = RESTART.after(failures)
            logger.error("the proxy has ended; starting another in %.1f s", delay)
            await trio.sleep(delay)
            try:
                self._proxy = await self._start()
            except OSError as error:
                logger.error("no proxy could be started: %s", error)  # noqa: TRY400 -- a traceback says no more
                failures += 1
            else:
                return

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

    def _is_described(self, proxy: Running) -> bool:
        described = self._described()
        return described is not None and described.pid == proxy.pid

    def _find(self) -> Running | None:
        """The proxy that an earlier hub has left, if it is alive."""
        described = self._described()
        pidfd = None if described is None else open_proxy(described)
        return None if described is None or pidfd is None else Running(described.pid, pidfd)

    def _suits(self, proxy: Running) -> bool:
        """Whether it is what this hub would start."""
        described = self._described()
        return (
            described is not None
            and described.protocol == PROTOCOL
            and arguments_of(proxy.pid) == self._arguments()
        )

    # --- a new one ---

    async def _start(self) -> Running:
        child = await trio.to_thread.run_sync(self._popen)
        logger.info("started a proxy at %s (pid %d)", self._settings.hub.bind_url, child.pid)
        return Running(child.pid, os.pidfd_open(child.pid), child)

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


class Running:
    """A proxy's process. `child`: if this hub has started it."""

    def __init__(self, pid: int, pidfd: int, child: subprocess.Popen[bytes] | None = None) -> None:
        self.pid = pid
        self._pidfd = pidfd
        self._child = child

    async def wait_end(self) -> None:
        await trio.lowlevel.wait_readable(self._pidfd)
        if self._child is not None:
            self._child.wait()  # it has ended: this only takes notice

    async def end(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)
            with trio.move_on_after(END_PATIENCE):
                await self.wait_end()
                break
        self.close()

    def close(self) -> None:
        os.close(self._pidfd)


def check_free(bind_url: str) -> None:
    """Raises ProxyError where somebody listens already: proxies share their port, so another would be let in."""
    parts = urlsplit(bind_url)
    try:
        if parts.scheme == "http+unix":
            _check_unix(unquote(parts.netloc))
            return
        host = parts.hostname or "0.0.0.0"  # noqa: S104 -- what a URL without a host asks for
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, parts.port or 80))
    except OSError as error:
        raise ProxyError(
            f"Cannot listen on {bind_url} (c.JupyterHub.bind_url): {error.strerror or error}."
        ) from None


def _check_unix(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def arguments_of(pid: int) -> list[str]:
    """From the word `proxy` on; empty if there is none."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")[:-1]
    except OSError:
        return []
    return words[words.index("proxy", 1) :] if "proxy" in words[1:] else []


def callboard_command() -> list[str]:
    """How to run this very Callboard again."""
    beside = Path(sys.executable).with_name("callboard")
    return [str(beside)] if beside.exists() else [sys.executable, "-m", "web.cli"]


def open_proxy(described: PidFile) -> int | None:
    """A pidfd of the process described, None if it is gone or cannot be one."""
    same = Identity(described.boot_id, this_namespace(), described.pid, described.start_time, session=0)
    try:
        return open_process(same)
    except OSError:
        return None
