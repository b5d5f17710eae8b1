"""The hub's side of its proxy: a process of its own, kept over restarts of the hub, started anew if it dies."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import trio
from msgspec import Struct

from core.config import Settings

logger = logging.getLogger("callboard.proxy")

PROTOCOL = 1  # of the route stream; a proxy that speaks another is replaced
RESTART_DELAYS = (0.1, 0.5, 1.0, 5.0)  # seconds; the last one again and again
START_PATIENCE, END_PATIENCE = 10.0, 10.0  # seconds


class ProxyError(Exception):
    """There is no proxy, and the hub cannot be reached without one; one line that says why."""


class PidFile(Struct, frozen=True):
    """What a proxy says of itself. `start_time`, in ticks since boot, and `boot_id` tell it from a later process."""

    pid: int
    start_time: int
    boot_id: str
    address: str
    protocol: int


class ProxyProcess:
    def __init__(self, settings: Settings, hub_address: str, secret: str) -> None:
        self._settings = settings
        self._hub_address = hub_address
        self._secret = secret
        self._pid_file = Path(settings.callboard.proxy_pid_file)
        self._pidfd: int | None = None

    async def begin(self, connected: Callable[[], Awaitable[None]]) -> None:
        """Find or start a proxy and wait until it follows the hub. Raises ProxyError if it does not.

        A proxy that is there and suits is kept: its connections outlive the hub.
        """
        self._pidfd = self._find() or await self._start()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._wait_end, nursery.cancel_scope)
            with trio.move_on_after(START_PATIENCE) as patience:
                await connected()
                nursery.cancel_scope.cancel()
                return
            nursery.cancel_scope.cancel()
        if not patience.cancelled_caught:
            raise ProxyError(f"The proxy could not start at {self._settings.hub.bind_url}.")
        raise ProxyError(f"The proxy did not come up within {START_PATIENCE:g} seconds.")

    async def _wait_end(self, scope: trio.CancelScope) -> None:
        assert self._pidfd is not None
        await trio.lowlevel.wait_readable(self._pidfd)
        scope.cancel()

    async def run(self) -> None:
        """Start another whenever the proxy ends."""
        failures = 0
        while True:
            assert self._pidfd is not None
            began = trio.current_time()
            await trio.lowlevel.wait_readable(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None
            failures = 0 if trio.current_time() - began > 60 else failures + 1
            delay = RESTART_DELAYS[min(failures, len(RESTART_DELAYS)) - 1]
            logger.error("the proxy has ended; starting another in %g s", delay)
            await trio.sleep(delay)
            self._pidfd = await self._start()

    async def stop(self) -> None:
        """End the proxy and wait until it is gone."""
        if self._pidfd is None:
            return
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGTERM)
        with trio.move_on_after(END_PATIENCE) as patience:
            await trio.lowlevel.wait_readable(self._pidfd)
        if patience.cancelled_caught:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    # --- the one that is there ---

    def _find(self) -> int | None:
        """A pidfd of the proxy an earlier hub left, if it is alive and what this hub would start."""
        try:
            found = msgspec.json.decode(self._pid_file.read_bytes(), type=PidFile)
        except (OSError, msgspec.MsgspecError):
            return None
        pidfd = open_process(found)
        if pidfd is None:
            return None
        if (found.address, found.protocol) == (self._settings.hub.bind_url, PROTOCOL):
            logger.info("keeping the proxy that runs already (pid %d)", found.pid)
            return pidfd
        logger.info("replacing a proxy of another address or version (pid %d)", found.pid)
        signal.pidfd_send_signal(pidfd, signal.SIGTERM)
        os.close(pidfd)
        return None

    # --- a new one ---

    async def _start(self) -> int:
        process = await trio.to_thread.run_sync(self._popen)
        logger.info("started a proxy at %s (pid %d)", self._settings.hub.bind_url, process.pid)
        return os.pidfd_open(process.pid)

    def _popen(self) -> subprocess.Popen[bytes]:
        hub = self._settings.hub
        command = [
            *callboard_command(),
            "proxy",
            f"--bind-url={hub.bind_url}",
            f"--hub-url={self._hub_address}",
            f"--base-url={hub.base_url}",
            f"--pid-file={self._pid_file}",
            f"--activity-interval={hub.last_activity_interval:g}",
        ]
        if hub.ssl_cert:
            command += [f"--ssl-key={hub.ssl_key}", f"--ssl-cert={hub.ssl_cert}"]
        environment = {**os.environ, "CALLBOARD_PROXY_TOKEN": self._secret}
        return subprocess.Popen(  # noqa: S603 -- our own command
            command, env=environment, start_new_session=True, stdin=subprocess.DEVNULL
        )


def callboard_command() -> list[str]:
    """How to run this very Callboard again."""
    beside = Path(sys.executable).with_name("callboard")
    return [str(beside)] if beside.exists() else [sys.executable, "-m", "web.cli"]


def open_process(described: PidFile) -> int | None:
    """A pidfd of the process described, None if it is gone. The pidfd comes first, so no other can slip in."""
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    if described.boot_id != boot_id:
        return None
    try:
        pidfd = os.pidfd_open(described.pid)
    except OSError:
        return None
    try:
        fields = Path(f"/proc/{described.pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        fields = []
    if not fields or fields[0] == "Z" or int(fields[19]) != described.start_time:
        os.close(pidfd)
        return None
    return pidfd
