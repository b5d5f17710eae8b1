"""Keeps our routes equal to the hub's, and tells it how far we have got."""

import logging
from typing import Any
from urllib.parse import quote

import msgspec
import trio
from msgspec import Struct

from core.backoff import Backoff
from web.http1.server_sent_events import EventReader, ServerSentEvent
from web.proxy.following.hub import HubClient, HubStream
from web.proxy.parts import Parts
from web.proxy.routes import Route
from web.proxy.target import parse_target

log = logging.getLogger("callboard.proxy")

_TIMEOUT = 5.0  # seconds in which a hub may restart
_SILENCE = 25.0  # seconds; the hub says something every 8
_RETRY = Backoff(0.05, 0.5)


class _ToldRoute(Struct, frozen=True):
    target: str
    data: dict[str, Any] = {}


class _Table(Struct, frozen=True):
    routes: dict[str, _ToldRoute]


class _Change(Struct, frozen=True):
    set: dict[str, _ToldRoute] = {}
    remove: list[str] = []


class Follower:
    """While the hub is away, the last known routes stay. A route that ends takes its idle connections along."""

    def __init__(self, hub: HubClient, parts: Parts, proxy_id: str, name: str) -> None:
        self._hub = hub
        self._routes = parts.routes
        self._upstreams = parts.upstreams
        self._away = parts.away
        self._parts = parts
        self._proxy_id = proxy_id
        self._name = name
        self._position: int | None = None  # None: nothing applied yet, or not to be relied on
        self._news = trio.Event()
        self._delays = _RETRY.delays()
        self._said: tuple[int, str] | None = (
            None  # about what keeps us from following; None while nothing does
        )
        self._lost = 0.0  # since when, by trio's clock

    async def follow(self) -> None:
        while True:
            try:
                await self._join()
            except OSError as error:
                self._complain(str(error) or type(error).__name__)
            except trio.TooSlowError:
                self._complain("the hub fell silent")
            except (ValueError, msgspec.MsgspecError) as error:
                self._position = None  # ask for the whole table
                self._complain(f"the hub spoke nonsense: {error}")
            await trio.sleep(next(self._delays))

    async def report_applied(self) -> None:
        """One report at a time; of several positions only the latest is told."""
        delays = _RETRY.delays()
        while True:
            await self._news.wait()
            self._news = trio.Event()
            try:
                await self._hub.post("applied", {"proxy": self._proxy_id, "position": self._position})
                delays = _RETRY.delays()
            except OSError as error:
                log.debug("could not tell the hub our position: %s", error)
                self._news.set()
                await trio.sleep(next(delays))

    async def say_leaving(self) -> None:
        """Raises OSError."""
        position = self._position or 0
        await self._hub.post("applied", {"proxy": self._proxy_id, "position": position, "leaves": True})

    async def _join(self) -> None:
        last = "" if self._position is None else f"Last-Event-ID: {self._position}\r\n"
        async with self._hub.stream(f"proxy={self._proxy_id}&name={quote(self._name)}", last) as stream:
            if self._said or self._position is None:
                log.info("following the hub")
            self._said = None
            if self._position is not None:
                self._news.set()  # a hub that has restarted does not know
            await self._read(stream)

    async def _read(self, stream: HubStream) -> None:
        reader = EventReader()
        while True:
            with trio.fail_after(_SILENCE):
                data = await stream.receive()
            for event in reader.feed(data):
                self._apply(event)
                self._delays = _RETRY.delays()

    def _apply(self, event: ServerSentEvent) -> None:
        match event.name:
            case "routes":
                table = msgspec.json.decode(event.data, type=_Table)
                ended = self._routes.replace(_usable(table.routes))
            case "change":
                change = msgspec.json.decode(event.data, type=_Change)
                ended = self._routes.change(_usable(change.set), change.remove)
            case "away":
                self._away.learn(event.data.encode())
                return
            case _:
                return  # of a later hub
        for route in ended:
            self._upstreams.end(route.generation)
        self._position = int(event.id)
        self._parts.has_routes = True
        self._news.set()

    def _complain(self, text: str) -> None:
        """Once for every trouble, not twice a second. A hub that ends or restarts is none yet, however it looks."""
        now = trio.current_time()
        if self._said is None:
            self._lost = now
        level = logging.WARNING if now - self._lost >= _TIMEOUT else logging.INFO
        is_known = self._said is not None and level == logging.INFO
        if self._said != (level, text) and not is_known:
            log.log(level, "not following the hub: %s", text)
            self._said = level, text


def _usable(told: dict[str, _ToldRoute]) -> list[Route]:
    routes = []
    for spec, route in told.items():
        try:
            routes.append(Route(spec, parse_target(route.target), route.data.get("hub") is True))
        except ValueError as error:
            log.warning("route %s is left out: %s", spec, error)
    return routes
