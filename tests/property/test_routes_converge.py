"""What a proxy has becomes what it should have, whatever happens to it, to the requests, or to what is wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trio
import trio.testing
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from core.reconcile.routes import Held, Told, differences, path_of
from web.proxies.carrier import PROBE_EVERY, RouteCarrier, TroubleError
from web.proxies.connected import Proxies
from web.proxies.use import UseOfRoutes

HUB = "/"
SPECS = [
    "/user/alice/",
    "/user/al%20ice/",
    "/user/al%20ice/n%C3%A9/",
    "/services/web/",
    "a.hub.example/user/a/",
]
MANY = [*SPECS, *(f"/user/u{number}/" for number in range(30))]
FOREIGN = "/else/where"
CHECK_EVERY = 10.0

specs = st.sampled_from(MANY)
targets = st.sampled_from(["http://127.0.0.1:1", "http://127.0.0.1:2"])


def told(target: str, spec: str) -> Told:
    return Told(
        target, {"hub": True, "jupyterhub": True} if spec == HUB else {"user": spec, "jupyterhub": True}
    )


def led(held: Held) -> dict[str, str]:
    """Where the routes lead that bear the mark."""
    return {path: data["target"] for path, data in held.items() if data.get("jupyterhub")}


# --- the pure part ---


class Comparing(RuleBasedStateMachine):
    """Any table wanted, any table held: what `differences` says makes one of the other, and no more than that."""

    def __init__(self) -> None:
        super().__init__()
        self.wanted: dict[str, Told] = {}
        self.held: dict[str, dict[str, Any]] = {}

    @rule(spec=specs, url=targets)
    def want(self, spec: str, url: str) -> None:
        self.wanted[spec] = told(url, spec)

    @rule(spec=specs)
    def want_no_more(self, spec: str) -> None:
        self.wanted.pop(spec, None)

    @rule(path=specs.map(path_of) | st.just(FOREIGN), url=targets, marked=st.booleans())
    def somebody_sets(self, path: str, url: str, marked: bool) -> None:
        self.held[path] = {"target": url, **({"jupyterhub": True} if marked else {})}

    @rule()
    def wipe(self) -> None:
        self.held.clear()

    @invariant()
    def what_differs_is_what_is_to_be_done(self) -> None:
        found = differences(self.wanted, self.held)
        after = {path: dict(data) for path, data in self.held.items() if path not in found.to_remove}
        after |= {path_of(spec): {"target": it.target, **it.data} for spec, it in found.to_set.items()}
        assert led(after) == {path_of(spec): it.target for spec, it in self.wanted.items()}
        assert not differences(self.wanted, after)
        untouched = [path for path, data in self.held.items() if "jupyterhub" not in data]
        kept = [path for path in untouched if path not in {path_of(spec) for spec in self.wanted}]
        assert all(after[path] == self.held[path] for path in kept), "what is somebody else's stays"
        needless = [spec for spec, it in found.to_set.items() if self._has(spec, it)]
        assert not needless

    def _has(self, spec: str, wanted: Told) -> bool:
        data = self.held.get(path_of(spec), {})
        return {"target": wanted.target, **wanted.data}.items() <= data.items()


TestComparing = Comparing.TestCase
TestComparing.settings = settings(stateful_step_count=20)


# --- with requests that fail, over time ---


class Wanted:
    """A log of routes, as `RouteTable` shows one."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[int, Told | None]] = {HUB: (0, told("http://127.0.0.1:8081", HUB))}
        self.head = 0
        self._moved = trio.Event()

    def change(self, spec: str, target: str | None) -> None:
        self.head += 1
        self._rows[spec] = (self.head, None if target is None else told(target, spec))
        self._moved.set()
        self._moved = trio.Event()

    async def every(self) -> dict[str, Told]:
        await trio.lowlevel.checkpoint()
        return {spec: it for spec, (_, it) in self._rows.items() if it is not None}

    def changes(self, after: int) -> tuple[int, dict[str, Told | None]] | None:
        found = sorted((at, spec, it) for spec, (at, it) in self._rows.items() if at > after)[:3]
        return (found[-1][0], {spec: it for _, spec, it in found}) if found else None

    async def wait(self) -> None:
        await self._moved.wait()


class FakeProxy:
    """In memory. `faults`: of the next requests: refused, done with the answer lost, or hung for a while."""

    name = "fake"

    def __init__(self) -> None:
        self.held: dict[str, dict[str, Any]] = {}
        self.faults: list[str] = []
        self.under_way = 0

    async def routes(self) -> Held:
        return await self._answer(lambda: {path: dict(data) for path, data in self.held.items()})

    async def has(self, spec: str) -> bool:
        return await self._answer(lambda: path_of(spec) in self.held)

    async def set(self, spec: str, told: Told) -> None:
        await self._answer(lambda: self.held.update({path_of(spec): {"target": told.target, **told.data}}))

    async def remove(self, path: str) -> None:
        await self._answer(lambda: self.held.pop(path, None))

    async def _answer(self, act: Callable[[], Any]) -> Any:
        fault = self.faults.pop(0) if self.faults else ""
        self.under_way += 1
        await trio.sleep(3 if fault == "hung" else 0.001)
        self.under_way -= 1
        if fault == "refused":
            raise TroubleError("refuses this hub's token")
        result = act()
        if fault:
            raise TroubleError("does not answer")
        return result


steps = st.one_of(
    st.tuples(st.just("want"), specs, targets | st.none()),
    st.tuples(st.just("fail"), st.lists(st.sampled_from(["refused", "lost", "hung", ""]), max_size=4)),
    st.tuples(st.just("wipe")),
    st.tuples(st.just("somebody sets"), specs.map(path_of) | st.just(FOREIGN), targets, st.booleans()),
    st.tuples(st.just("somebody removes"), specs.map(path_of)),
    st.tuples(st.just("pass"), st.sampled_from([0.0, 0.01, 0.6, 5.0])),
)


ALL = [("want", spec, "http://127.0.0.1:1") for spec in MANY]
EMPTIED = [*ALL, ("pass", 0.6), ("wipe",), ("want", MANY[0], "http://127.0.0.1:2")]


@given(st.lists(steps, max_size=25))
@example(EMPTIED)  # the route that was set last is there
@settings(deadline=None)
def test_a_proxy_has_all_its_routes_a_second_after_it_is_well(program: list[tuple[Any, ...]]) -> None:
    trio.run(carry_through, program, clock=trio.testing.MockClock(autojump_threshold=0))


async def carry_through(program: list[tuple[Any, ...]]) -> None:
    wanted, proxy, proxies = Wanted(), FakeProxy(), Proxies()
    carrier = RouteCarrier(
        proxy, wanted, proxies, UseOfRoutes(lambda _: None), check_every=CHECK_EVERY, at_once=3
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(carrier.run)
        for kind, *arguments in program:
            match kind, arguments:
                case "want", [spec, target]:
                    wanted.change(spec, target)
                case "fail", [faults]:
                    proxy.faults += faults
                case "wipe", []:
                    proxy.held.clear()
                case "somebody sets", [path, target, marked]:
                    proxy.held[path] = {"target": target, **({"jupyterhub": True} if marked else {})}
                case "somebody removes", [path]:
                    proxy.held.pop(path, None)
                case "pass", [seconds]:
                    await trio.sleep(seconds)
        while proxy.faults or proxy.under_way:
            await trio.sleep(0.01)
        meddled = any(kind.startswith("somebody") for kind, *_ in program)  # seen where all is compared
        await trio.sleep(CHECK_EVERY + 1 if meddled else 1)
        every = await wanted.every()
        assert led(proxy.held) == {path_of(spec): it.target for spec, it in every.items()}
        assert proxies.behind(wanted.head) == 0
        nursery.cancel_scope.cancel()


def test_looks_are_frequent_enough_for_a_second() -> None:
    assert PROBE_EVERY <= 0.5
