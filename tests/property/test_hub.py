"""The real actors, supervisor, store, projections and users under whatever may happen, on a clock of their own.

Two ways to the same end: programs drawn as data, each run in a loop of its own (they shrink well), and a state
machine whose rules look at the world before they choose.
"""

from __future__ import annotations

import logging
import random
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Literal

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from trio.testing import MockClock, wait_all_tasks_blocked

from core.errors import UnreachableError
from tests.effort import examples
from tests.property.hub_world import BUGS, HubWorld

IS_THOROUGH = settings.default is not None and settings.default.max_examples > 100

PLACES = [0, 1, 2, 3]
NAMES = ["alice", "bob"]
PAUSES = [0.01, 0.5, 3, 25, 45, 100, 400]
OUTAGES = [0.5, 20, 90, 300]
AT_ONCE = [100, 1, 2]  # how many servers may start at once
METHODS = ["start", "wait_up", "poll", "wait_news", "stop", "forget", "listed"]
ERRORS = [*BUGS, UnreachableError("away")]

# What a simulated server may be told. None: nothing.
SIMULATION: dict[str, list[Any]] = {
    "delay": [None, None, None, 0.5, 20, 100],
    "progress": [None, None, [[0, 10, "a"]], [[5, 10, "a"], [5, 20, "b"], [19, None, "c"]]],
    "fail": [None, None, None, None, None, "no room"],
    "ready": [None, None, None, None, None, False],
    "die_after": [None, None, None, None, 0, 0.5, 30, 200],
    "unreachable_from": [None, None, None, None, 0, 0.4, 21, 60],
    "unreachable_for": [10, 150, 1000],
    "stop_delay": [None, None, None, 0.5, 20, 100],
    "stop_hangs": [None, None, None, None, True],
}

# How often a step is taken, and what may be chosen for it; `start` draws a simulation besides.
STEPS: dict[str, tuple[int, list[list[Any]]]] = {
    "start": (8, [PLACES]),
    "sleep": (8, [PAUSES]),
    "stop": (5, [PLACES]),
    "go_on": (4, []),
    "look": (1, [PLACES]),
    "kill": (2, [PLACES]),
    "lose_backend": (2, [OUTAGES]),
    "lose_log": (1, [OUTAGES]),
    "break_spawner": (2, [METHODS, ERRORS, [1, 2, 6]]),
    "break_actor": (2, [[False, True], [1, 2, 6]]),
    "fail_power_after": (2, [[0, 1, 2, 3, 4], [False, True]]),
    "crash": (1, []),
    "cut_between_commits": (1, []),
    "delete_user": (1, [NAMES]),
    "add_user": (1, [NAMES]),
    "add_server": (1, [NAMES]),
    "remove_server": (1, [PLACES]),
}
OFTEN = [name for name, (weight, _) in STEPS.items() for _ in range(weight)]

Step = tuple[Any, ...]
Keeper = Literal["memory", "lines"]
EVERY_KEEPER = pytest.mark.parametrize("keeper", ["memory", "lines"])
Choose = Callable[[list[Any]], Any]


def choose_simulation(choose: Choose) -> dict[str, Any]:
    chosen = {name: choose(values) for name, values in SIMULATION.items()}
    return {name: value for name, value in chosen.items() if value is not None}


def choose_step(choose: Choose) -> Step:
    name = choose(OFTEN)
    arguments = [choose(values) for values in STEPS[name][1]]
    if name == "start":
        arguments.append(choose_simulation(choose))
    return name, *arguments


@st.composite
def steps(draw: st.DrawFn) -> Step:
    return choose_step(lambda values: draw(st.sampled_from(values)))


@st.composite
def simulations(draw: st.DrawFn) -> dict[str, Any]:
    return choose_simulation(lambda values: draw(st.sampled_from(values)))


async def take(world: HubWorld, name: str, *arguments: Any) -> None:
    match name, arguments:
        case "sleep", (seconds,):
            await world._sleep(seconds)
        case "crash", ():
            await world.crash()
        case "go_on", ():
            pass  # the next step comes before this one has had any effect
        case _:
            getattr(world, name)(*arguments)


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What goes wrong on purpose is not to be printed a million times."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


async def carry_out(program: list[Step], at_once: int, folder: str) -> None:
    async with trio.open_nursery() as nursery:
        world = HubWorld(nursery, trio.sleep, at_once, folder)
        await world.open()
        for number, (name, *arguments) in enumerate(program):
            await take(world, name, *arguments)
            following = program[number + 1 : number + 2]
            if following != [("go_on",)]:
                await world.see_to_the_hub()
                world.check()
        await world.see_to_the_hub()
        world.check_rebuilt()
        await world.settle()
        nursery.cancel_scope.cancel()
    world.store.close()


def run(program: list[Step], at_once: int = 100, keeper: Keeper = "memory") -> None:
    """`keeper`: of the log."""
    clock = MockClock(autojump_threshold=0)
    if keeper == "memory":
        trio.run(carry_out, program, at_once, "", clock=clock)
        return
    with tempfile.TemporaryDirectory() as folder:
        trio.run(carry_out, program, at_once, folder, clock=clock)


@EVERY_KEEPER
@settings(max_examples=examples(60, thorough=3000))
@given(st.lists(steps(), min_size=1, max_size=40), st.sampled_from(AT_ONCE))
def test_whatever_happens(keeper: Keeper, program: list[Step], at_once: int) -> None:
    run(program, at_once, keeper)


@EVERY_KEEPER
@pytest.mark.parametrize("part", range(4))
def test_long_storms(part: int, keeper: Keeper) -> None:
    """Programs from a plain generator: it tries more different things than hypothesis, which likes to repeat."""
    for seed in range(part, examples(100, thorough=2000), 4):
        chance = random.Random(seed)
        at_once = AT_ONCE[seed // 4 % len(AT_ONCE)]
        program = [choose_step(chance.choice) for _ in range(60)]
        try:
            run(program, at_once, keeper)
        except BaseException as error:
            error.add_note(
                f"seed {seed}, {at_once} at once; the smallest program that fails: "
                f"{smallest(program, at_once, keeper)}"
            )
            raise


def smallest(program: list[Step], at_once: int, keeper: Keeper) -> list[Step]:
    """The program without what can be left out for it still to fail."""

    def fails(candidate: list[Step]) -> bool:
        try:
            run(candidate, at_once, keeper)
        except Exception:
            return True
        return False

    size = len(program) // 2
    while size:
        start = 0
        while start < len(program):
            candidate = program[:start] + program[start + size :]
            if fails(candidate):
                program = candidate
            else:
                start += size
        size //= 2
    return program


async def start_and_stop_at_once(places: list[int], at_once: int) -> None:
    async with trio.open_nursery() as nursery:
        world = HubWorld(nursery, trio.sleep, at_once)
        await world.open()
        for place in places:
            world.start(place, {"delay": 5})
            world.stop(place)
            world.look(place)
            await world.see_to_the_hub()
            world.check()
        await world.settle()
        nursery.cancel_scope.cancel()


def test_a_start_that_overtakes_a_stop_waits_for_its_turn() -> None:
    """Where a start is asked for while the server is about to stop, its place is not that of the one before."""
    for _ in range(60):  # trio takes tasks that are ready at once in any order
        trio.run(start_and_stop_at_once, [2, 1, 2, 2, 1, 1, 2], 1, clock=MockClock(autojump_threshold=0))


# --- the same, with a machine that looks before it leaps ---


async def advance(clock: MockClock, seconds: float) -> None:
    """Deadline by deadline: one jump would fire all of them at once."""
    end = trio.current_time() + seconds
    while True:
        await wait_all_tasks_blocked()
        left = end - trio.current_time()
        due = trio.lowlevel.current_statistics().seconds_to_next_deadline
        if due > left:
            clock.jump(max(left, 0))
            await wait_all_tasks_blocked()
            return
        clock.jump(max(due, 0))


class HubLife(RuleBasedStateMachine):
    keeper: Keeper
    nursery: trio.Nursery
    clock: MockClock

    def then(self, call: Callable[[], Awaitable[None]]) -> None:
        async def then_rest() -> None:
            await call()
            await self.world.see_to_the_hub()

        trio.from_thread.run(then_rest)

    def now(self, name: str, *arguments: Any) -> None:
        self.then(lambda: take(self.world, name, *arguments))

    @initialize(at_once=st.sampled_from(AT_ONCE))
    def begin(self, at_once: int) -> None:
        async def pass_time(seconds: float) -> None:
            await advance(type(self).clock, seconds)

        async def open_world() -> None:
            self.lives = trio.CancelScope()
            self.folder = tempfile.mkdtemp() if type(self).keeper == "lines" else ""
            ready = trio.Event()

            async def live() -> None:
                with self.lives:
                    async with trio.open_nursery() as nursery:
                        self.world = HubWorld(nursery, pass_time, at_once, self.folder)
                        await self.world.open()
                        ready.set()
                        await trio.sleep_forever()

            type(self).nursery.start_soon(live)
            await ready.wait()

        trio.from_thread.run(open_world)

    @rule(place=st.sampled_from(PLACES), simulate=simulations())
    def start(self, place: int, simulate: dict[str, Any] | None) -> None:
        self.now("start", place, simulate)

    @rule(place=st.sampled_from(PLACES), times=st.integers(1, 3))
    def stop(self, place: int, times: int) -> None:
        for _ in range(times):
            self.now("stop", place)

    @rule(place=st.sampled_from(PLACES))
    def start_and_stop_at_once(self, place: int) -> None:
        async def both() -> None:
            self.world.start(place, {"delay": 5})
            self.world.stop(place)
            self.world.look(place)

        self.then(both)

    @rule(seconds=st.sampled_from(PAUSES))
    def wait(self, seconds: float) -> None:
        self.now("sleep", seconds)

    @rule(place=st.sampled_from(PLACES))
    def kill(self, place: int) -> None:
        self.now("kill", place)

    @rule(name=st.sampled_from(NAMES))
    def delete_user(self, name: str) -> None:
        self.now("delete_user", name)

    @rule(name=st.sampled_from(NAMES))
    def add(self, name: str) -> None:
        self.now("add_user", name)
        self.now("add_server", name)

    @rule(place=st.sampled_from(PLACES))
    def remove_server(self, place: int) -> None:
        self.now("remove_server", place)

    @rule(seconds=st.sampled_from(OUTAGES))
    def lose_backend(self, seconds: float) -> None:
        self.now("lose_backend", seconds)

    @rule(seconds=st.sampled_from(OUTAGES))
    def lose_log(self, seconds: float) -> None:
        self.now("lose_log", seconds)

    @rule(method=st.sampled_from(METHODS), error=st.sampled_from(ERRORS), times=st.integers(1, 6))
    def break_spawner(self, method: str, error: Exception, times: int) -> None:
        self.now("break_spawner", method, error, times)

    @rule(late=st.booleans(), times=st.integers(1, 6))
    def break_actor(self, late: bool, times: int) -> None:
        self.now("break_actor", late, times)

    @rule()
    def crash(self) -> None:
        self.now("crash")

    @rule(place=st.sampled_from(PLACES), appends=st.integers(0, 3), in_doubt=st.booleans())
    def crash_in_a_start(self, place: int, appends: int, in_doubt: bool) -> None:
        async def both() -> None:
            self.world.fail_power_after(appends, in_doubt)
            self.world.start(place, {"delay": 1})
            await self.world._sleep(5)

        self.then(both)

    @rule(place=st.sampled_from(PLACES))
    def cut_in_a_start(self, place: int) -> None:
        async def both() -> None:
            self.world.cut_between_commits()
            self.world.start(place, {"delay": 1})
            await self.world._sleep(5)

        self.then(both)

    @invariant()
    def all_is_well(self) -> None:
        if hasattr(self, "world"):
            trio.from_thread.run_sync(self.world.check)

    def teardown(self) -> None:
        if hasattr(self, "world"):
            try:
                trio.from_thread.run(self.world.settle)
            finally:
                trio.from_thread.run_sync(self.lives.cancel)
                self.world.store.close()
                if self.folder:
                    shutil.rmtree(self.folder)


@EVERY_KEEPER
def test_whatever_is_done(keeper: Keeper) -> None:
    async def main() -> None:
        clock = trio.lowlevel.current_clock()
        assert isinstance(clock, MockClock)
        async with trio.open_nursery() as nursery:
            HubLife.nursery, HubLife.clock, HubLife.keeper = nursery, clock, keeper
            search = settings(
                max_examples=examples(40, thorough=500), stateful_step_count=60 if IS_THOROUGH else 25
            )
            await trio.to_thread.run_sync(lambda: run_state_machine_as_test(HubLife, settings=search))
            nursery.cancel_scope.cancel()

    trio.run(main, clock=MockClock())
