"""`callboard proxy` as a hub runs it, and one that somebody else runs."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import trio

from core.settings import Settings
from web.proxies.free_address import check_free, check_redirect_free
from web.proxies.health import health_url
from web.proxies.running import ProxyHandle, arguments_of, callboard_command, open_proxy
from web.proxy.command import TOKEN_VARIABLE
from web.proxy.pid_file import PROTOCOL, PidFile

logger = logging.getLogger("callboard.proxy")


PATIENCE = 10.0  # seconds until one that is nowhere to be seen is asked for


class ProxyElsewhere:
    """One that somebody else starts, keeps and ends: `c.Proxy.should_start = False`.

    `hub_address`: as it reaches the hub.
    """

    def __init__(self, hub_address: str) -> None:
        self._hub_address = hub_address
        self._connected: Callable[[], Awaitable[None]] = trio.sleep_forever

    async def carry(self) -> None:
        """It asks for its routes by itself."""
        await trio.sleep_forever()

    async def begin(self, connected: Callable[[], Awaitable[None]]) -> None:
        """Nobody is waited for: the hub serves meanwhile."""
        self._connected = connected

    async def run(self) -> None:
        with trio.move_on_after(PATIENCE) as looked:
            await self._connected()
        if looked.cancelled_caught:
            logger.warning(
                "start a proxy: callboard proxy --hub-url=%s, with %s as in the hub's environment",
                self._hub_address,
                TOKEN_VARIABLE,
            )
        await trio.sleep_forever()

    async def stop(self) -> None:
        """It is somebody else's."""


class OwnProgram:
    """Two of them share their port: the next listens before the former ends."""

    shares_port = True
    umask = -1  # the hub's

    def __init__(self, settings: Settings, hub_address: str, secret: str) -> None:
        self._settings = settings
        self._hub_address = hub_address
        self._pid_file = Path(settings.callboard.proxy_pid_file).absolute()
        self.place = settings.hub.bind_url
        self.environment = {TOKEN_VARIABLE: secret}

    def command(self) -> list[str]:
        return [*callboard_command(), *self.arguments()]

    def arguments(self) -> list[str]:
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

    def find(self) -> ProxyHandle | None:
        described = self._described()
        pidfd = None if described is None else open_proxy(described)
        return None if described is None or pidfd is None else ProxyHandle(described.pid, pidfd)

    def suits(self, proxy: ProxyHandle) -> bool:
        described = self._described()
        return (
            described is not None
            and described.protocol == PROTOCOL
            and arguments_of(proxy.pid) == self.arguments()
        )

    def check_free(self) -> None:
        check_free(self._settings.hub.bind_url)
        check_redirect_free(self._settings)

    def started(self, proxy: ProxyHandle) -> None:
        """It says so itself, in its pid file."""

    async def wait_listening(self, proxy: ProxyHandle) -> str:
        while (described := self._described()) is None or described.pid != proxy.pid:  # noqa: ASYNC110 -- of a file
            await trio.sleep(0.02)
        return health_url(described.address, tls=bool(self._settings.hub.ssl_cert))

    def _described(self) -> PidFile | None:
        try:
            return msgspec.json.decode(self._pid_file.read_bytes(), type=PidFile)
        except (OSError, msgspec.MsgspecError):
            return None
