"""Keeps the routes of a proxy that is driven from here equal to the hub's: changes as they come, the rest by comparing.

After any trouble, whatever it was, all is compared. What a proxy lacks that was emptied behind our back is noticed
within `PROBE_EVERY`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Protocol

import trio

from core.backoff import Backoff
from core.reconcile.routes import Differences, Held, Told, differences, path_of
from web.proxies.connected import Proxies
from web.proxies.use import UseOfRoutes

logger = logging.getLogger("callboard.proxy")

PROBE_EVERY = 0.5  # seconds between looks at whether it still has what it was given
FEW = 20  # routes that are all compared at each look; of more one is asked for
PATIENCE = 1.0  # seconds of trouble before it is one worth a warning: a proxy that is started anew is none
CARRIED = "driven"  # the id of the one that the hub drives; those that follow it have others
_RETRY = Backoff(0.05, 0.4)


class TroubleError(Exception):
    """What keeps a proxy from taking routes, in words that go on after its name: `does not answer`."""


class DrivenProxy(Protocol):
    """Where routes are kept, by requests of ours. Each may raise TroubleError."""

    @property
    def name(self) -> str: ...

    async def routes(self) -> Held: ...

    async def has(self, spec: str) -> bool: ...

    async def set(self, spec: str, told: Told) -> None: ...

    async def remove(self, path: str) -> None:
        """That there is none is fine."""


class Table(Protocol):
    """What it is to have. See `RouteTable`."""

    @property
    def head(self) -> int: ...

    async def every(self) -> dict[str, Told]: ...

    def under_way(self) -> set[str]: ...

    def changes(self, after: int) -> tuple[int, dict[str, Told | None]] | None: ...

    async def wait(self) -> None: ...


class RouteCarrier:
    """`check_every`: seconds between comparisons of all routes, which tell of their use too. `at_once`: requests."""

    def __init__(
        self,
        proxy: DrivenProxy,
        table: Table,
        proxies: Proxies,
        use: UseOfRoutes,
        *,
        check_every: float,
        at_once: int,
    ) -> None:
        self._proxy = proxy
        self._table = table
        self._proxies = proxies
        self._use = use
        self._check_every = check_every
        self._requests = trio.CapacityLimiter(at_once)
        self._turn = trio.Lock()
        self._wanted: dict[str, Told] = {}  # what it was given, by spec
        self._position = 0  # of the log, up to which it was
        self._next_check = 0.0
        self._next_probe = 0.0
        self._lost: float | None = None  # since when, by trio's clock; None while all is well
        self._said = ""

    async def run(self) -> None:
        self._proxies.connect(CARRIED, self._proxy.name)
        self._table.under_way()  # from now on it is known who was, however late the proxy is
        delays = _RETRY.delays()
        try:
            while True:
                try:
                    await self.check()
                    delays = _RETRY.delays()
                    await self._keep()
                except TroubleError as error:
                    self._fails(str(error))
                await trio.sleep(next(delays))
        finally:
            self._proxies.disconnect(CARRIED)

    def has_moved(self) -> None:
        """What there is where it is now is not known yet."""
        self._proxies.rename(CARRIED, self._proxy.name)

    async def check(self) -> None:
        """Compare all, and set right what differs. Raises TroubleError."""
        async with self._turn:
            held = await self._proxy.routes()
            position, wanted = self._table.head, await self._table.every()
            self._use.note(wanted, held)
            found = differences(wanted, held, self._table.under_way())
            await self._mend(found)
            if found.to_set:  # it had lost them: what it takes for their use is none
                self._use.are_new(found.to_set, await self._proxy.routes())
            self._wanted = wanted
            self._next_check = trio.current_time() + self._check_every
            self._is_at(position)

    async def _keep(self) -> None:
        """As long as there is no trouble."""
        while True:
            await self._follow()
            now = trio.current_time()
            if now >= self._next_probe:
                await self._probe(now)
                continue  # something may have been recorded meanwhile
            with trio.move_on_at(self._next_probe):
                await self._table.wait()

    async def _probe(self, now: float) -> None:
        if (
            now >= self._next_check
            or len(self._wanted) <= FEW
            or not await self._proxy.has(self._some_spec())
        ):
            await self.check()
        self._next_probe = trio.current_time() + PROBE_EVERY

    def _some_spec(self) -> str:
        """Of the route that was set longest ago: a younger one may have been set since the others were lost.

        Not of `/`, which a proxy takes for a question about all.
        """
        return next(spec for spec in self._wanted if spec.strip("/"))

    async def _follow(self) -> None:
        async with self._turn:
            head = self._table.head
            while found := self._table.changes(self._position):
                position, changed = found
                await self._change(changed)
                self._is_at(position)
            self._is_at(max(self._position, head))

    async def _change(self, changed: Mapping[str, Told | None]) -> None:
        to_set = {spec: told for spec, told in changed.items() if told is not None}
        gone = [spec for spec, told in changed.items() if told is None and spec in self._wanted]
        await self._mend(Differences(to_set, [path_of(spec) for spec in gone]))
        for spec in changed:
            self._wanted.pop(spec, None)
        self._wanted |= to_set
        self._use.forget(changed)

    async def _mend(self, found: Differences) -> None:
        """The hub's own route first: without it nobody is told anything."""
        for spec, told in found.to_set.items():
            if told.data.get("hub"):
                await self._proxy.set(spec, told)
        calls: list[Callable[[], Awaitable[None]]] = [
            _removing(self._proxy, path) for path in found.to_remove
        ]
        calls += [
            _setting(self._proxy, spec, told)
            for spec, told in found.to_set.items()
            if not told.data.get("hub")
        ]
        await self._carry_out(calls)

    async def _carry_out(self, calls: Iterable[Callable[[], Awaitable[None]]]) -> None:
        """Several at once; what follows the first that fails is not begun."""
        failed: list[TroubleError] = []

        async def carry_out(call: Callable[[], Awaitable[None]]) -> None:
            async with self._requests:
                try:
                    if not failed:
                        await call()
                except TroubleError as error:
                    failed.append(error)

        async with trio.open_nursery() as nursery:
            for call in calls:
                nursery.start_soon(carry_out, call)
        if failed:
            raise failed[0]

    # --- what is told ---

    def _is_at(self, position: int) -> None:
        self._position = position
        self._proxies.applied(CARRIED, position)
        if self._said:
            logger.info("the proxy %s has its routes again", self._proxy.name)
        self._lost, self._said = None, ""

    def _fails(self, trouble: str) -> None:
        """Said once for each trouble, and as a warning once it lasts."""
        now = trio.current_time()
        self._lost = now if self._lost is None else self._lost
        self._proxies.fails(CARRIED, trouble)
        if trouble != self._said and now - self._lost >= PATIENCE:
            logger.warning("the proxy %s %s", self._proxy.name, trouble)
            self._said = trouble


def _setting(proxy: DrivenProxy, spec: str, told: Told) -> Callable[[], Awaitable[None]]:
    return lambda: proxy.set(spec, told)


def _removing(proxy: DrivenProxy, path: str) -> Callable[[], Awaitable[None]]:
    return lambda: proxy.remove(path)
