"""configurable-http-proxy, driven by the hub over its REST API; started by it, or by somebody else."""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import trio

from core.actors.activity import Activity
from core.errors import UnavailableError
from core.machine.bind_port import port_of
from core.settings import ConfigError, Settings
from web.proxies.carrier import RouteCarrier, TroubleError
from web.proxies.connected import Proxies
from web.proxies.free_address import check_free, check_redirect_free
from web.proxies.health import answers, health_url
from web.proxies.process import ProxyProcess
from web.proxies.rest import TOKEN_VARIABLE, RestAPI
from web.proxies.running import ProxyHandle, open_pid, words_of
from web.proxies.table import RouteTable
from web.proxies.use import UseOfRoutes

logger = logging.getLogger("callboard.proxy")

CHECK_EVERY = 60.0  # seconds at most between comparisons of all routes
CHECK_TIMEOUT = 10.0  # seconds that somebody waits who has all routes compared
FIRST_TIMEOUT = 3.0  # seconds that a hub waits at its start for a proxy that is somebody else's
_LOOK = 0.05
_PAUSE = 1.0


def auth_token(settings: Settings, secret: str) -> str:
    """What the proxy's API is asked with. `secret`: for one that this hub starts. Raises ConfigError."""
    token = settings.configurable_http_proxy.auth_token or os.environ.get(TOKEN_VARIABLE, "")
    if not (token or settings.proxy.should_start):
        raise ConfigError(
            "c.ConfigurableHTTPProxy.should_start is off: set c.ConfigurableHTTPProxy.auth_token, or "
            f"{TOKEN_VARIABLE}, to what that proxy was started with"
        )
    return token or secret


def make_driven(
    settings: Settings,
    hub_address: str,
    token: str,
    *,
    table: RouteTable,
    proxies: Proxies,
    activity: Activity,
) -> DrivenCHP:
    own = settings.configurable_http_proxy
    api = RestAPI(own.api_url, token)
    interval = settings.hub.last_activity_interval  # 0: nobody asks after it
    use = UseOfRoutes(lambda used: table.note_use(used, activity, proxies) if interval else None)
    check_every = min(interval or CHECK_EVERY, CHECK_EVERY)
    carrier = RouteCarrier(api, table, proxies, use, check_every=check_every, at_once=own.concurrency)
    if not settings.proxy.should_start:
        return DrivenCHP(api, carrier, None)
    program = CHPProgram(settings, hub_address, token)
    return DrivenCHP(api, carrier, ProxyProcess(program, own.check_running_interval))


class DrivenCHP:
    """`process`: None for one that somebody else starts, keeps and ends."""

    def __init__(self, api: RestAPI, carrier: RouteCarrier, process: ProxyProcess | None) -> None:
        self._api = api
        self._carrier = carrier
        self._process = process

    async def carry(self) -> None:
        try:
            while True:
                try:
                    await self._carrier.run()
                except Exception:
                    logger.exception("the routes of the proxy could not be kept; it is tried again")
                    await trio.sleep(_PAUSE)
        finally:
            with trio.move_on_after(_PAUSE, shield=True):
                await self._api.close()

    async def begin(self, connected: Callable[[], Awaitable[None]]) -> None:
        """For one of somebody else's nobody waits long: it may be started after the hub."""
        if self._process is not None:
            await self._process.begin(connected)
            return
        with trio.move_on_after(FIRST_TIMEOUT) as waiting:
            await connected()
        if waiting.cancelled_caught:
            logger.warning("the proxy %s has no routes yet; the hub serves meanwhile", self._api.name)

    async def run(self) -> None:
        if self._process is None:
            await trio.sleep_forever()
        else:
            await self._process.run()

    async def stop(self) -> None:
        if self._process is not None:
            await self._process.stop()

    async def check(self) -> None:
        """Compare all routes now. Raises UnavailableError."""
        try:
            with trio.fail_after(CHECK_TIMEOUT):
                await self._carrier.check()
        except TroubleError as error:
            raise UnavailableError(f"The proxy ({self._api.name}) {error}.") from error
        except trio.TooSlowError as error:
            raise UnavailableError(
                f"The proxy ({self._api.name}) is slow: it is still being checked."
            ) from error

    def move(self, api_url: str, token: str) -> None:
        """It is somewhere else, or knows another token; what is empty stays."""
        self._api.move(api_url, token)
        self._carrier.has_moved()


class CHPProgram:
    """As JupyterHub starts it. Its port cannot be shared: one ends before the next begins."""

    shares_port = False

    def __init__(self, settings: Settings, hub_address: str, token: str) -> None:
        self._settings = settings
        self._own = settings.configurable_http_proxy
        self._hub_address = hub_address
        self._pid_file = Path(self._own.pid_file).absolute()
        self.place = settings.hub.bind_url
        self.environment = {TOKEN_VARIABLE: token}
        self.umask = self._own.command_umask

    def command(self) -> list[str]:
        return [*self._own.command, *self.arguments()]

    def arguments(self) -> list[str]:
        """Word for word as JupyterHub 6.1.1 has them in a list of processes: one that it has left behind suits."""
        hub, redirect = self._settings.hub, self._settings.proxy
        words = [*_listening("", hub.bind_url), *_listening("api-", self._own.api_url)]
        words += ["--error-target", f"{self._hub_address}{hub.base_url}hub/error"]
        words += ["--log-level", "debug" if self._own.debug else self._own.log_level]
        words += ["--host-routing"] if hub.subdomain_host else []
        wanted: dict[str, str | int] = {
            "--ssl-key": hub.ssl_key,
            "--ssl-cert": hub.ssl_cert,
            "--redirect-port": redirect.redirect_port,
            "--redirect-to": redirect.redirect_to,
        }
        return words + [word for name, value in wanted.items() if value for word in (name, str(value))]

    def find(self) -> ProxyHandle | None:
        """Whoever has the number of the pid file now, if that looks like a proxy of this kind."""
        try:
            pid = int(self._pid_file.read_text())
        except (OSError, ValueError):
            return None
        pidfd = open_pid(pid)
        if pidfd is None:
            return None
        if not self._is_one(words_of(pid)):
            os.close(pidfd)
            return None
        return ProxyHandle(pid, pidfd)

    def _is_one(self, words: list[str]) -> bool:
        return (
            Path(self._own.command[0]).name in {Path(word).name for word in words}
            and "--error-target" in words
        )

    def suits(self, proxy: ProxyHandle) -> bool:
        """Whether it was started as this hub would. That it refuses the token shows when it is given routes."""
        mine = self.arguments()
        return words_of(proxy.pid)[-len(mine) :] == mine

    def check_free(self) -> None:
        check_free(self._settings.hub.bind_url)
        check_free(self._own.api_url, "c.ConfigurableHTTPProxy.api_url")
        check_redirect_free(self._settings)

    def started(self, proxy: ProxyHandle) -> None:
        try:
            self._pid_file.write_text(f"{proxy.pid}\n")
        except OSError as error:
            logger.warning(
                "%s cannot be written: the next hub will not find this proxy: %s", self._pid_file, error
            )

    async def wait_listening(self, proxy: ProxyHandle) -> str:
        bind = urlsplit(self._settings.hub.bind_url)
        where = (
            unquote(bind.netloc) if bind.scheme == "http+unix" else f"{_host(bind.hostname)}:{port_of(bind)}"
        )
        url = health_url(where, tls=bool(self._settings.hub.ssl_cert))
        while not await answers(url):  # noqa: ASYNC110 -- of another process
            await trio.sleep(_LOOK)
        return url


def _host(name: str | None) -> str:
    return f"[{name}]" if name and ":" in name else name or "127.0.0.1"


def _listening(prefix: str, url: str) -> list[str]:
    """The options that have it listen there, for the public (`prefix` empty) or for requests to its API."""
    parts = urlsplit(url)
    if parts.scheme == "http+unix":
        return [f"--{prefix}socket", unquote(parts.netloc)]
    return [f"--{prefix}ip", parts.hostname or "", f"--{prefix}port", str(port_of(parts))]
