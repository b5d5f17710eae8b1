"""What a proxy has becomes what it should have, whatever happens to it, to the requests, or to what is wanted."""

from __future__ import annotations

from typing import Any

import trio
import trio.testing
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from core.reconcile.routes import Told, differences, path_of
from tests.proxies.fakes import FakeProxy, Wanted, led, told
from web.proxies.carrier import PROBE_EVERY, RouteCarrier
from web.proxies.connected import Proxies
from web.proxies.use import UseOfRoutes

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
