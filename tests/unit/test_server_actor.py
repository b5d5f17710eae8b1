"""One server's actor with the real log and simulated servers, on a clock that jumps."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from core.actors import server as actors
from core.actors import work_task
from core.actors.server import LOG_RETRY, LOOK
from core.actors.server_work import GRACE, Deadlines, ServerWork
from core.errors import (
    AlreadyRunningError,
    BusyError,
    ForbiddenError,
    SpawnError,
    UnavailableError,
    UnreachableError,
)
from core.events.server import (
    LeftoverEnded,
    OptionsStored,
    ServerDied,
    ServerLost,
    ServerStopped,
    SpawnCancelled,
    SpawnFailed,
    SpawnProgressed,
    StopRequested,
    server_stream,
)
from core.events.store import Write
from core.server import (
    MAX_MESSAGES,
    Checking,
    Ready,
    Server,
    Spawning,
    Stop,
    Stopped,
    Stopping,
    StoreOptions,
    has_ended,
)
from core.spawner import Attempt, Gone, Progress, Report, Running
from spawners.simulated import Simulation
from tests.unit.actor_world import ALICE, BreakableSpawner, Hub, World

STARTED = ["SpawnRequested", "SpawnProgressed", "SpawnAnswered", "SpawnSucceeded"]


@pytest.fixture
def world() -> World:
    return World()


# --- a life without trouble ---


async def test_a_start_becomes_ready_and_a_stop_ends_it(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        asked = await hub.start({"delay": 3}, spawn_id="s1")
        assert isinstance(asked, Spawning)
        ready = await hub.wait(Ready)
        assert ready == Ready("s1", {"simulate": {"delay": 3}}, "/user/alice/", "http://s1.simulated")
        assert trio.current_time() == pytest.approx(3, abs=0.1)
        assert isinstance(await hub.stop(), Stopping)
        assert await hub.wait_stopped() == Stopped(ready.user_options, None, "s1")
    assert world.names() == [*STARTED, "StopRequested", "ServerStopped"]
    assert world.backend.running() == []


async def test_the_log_says_who_asked_and_what_followed_from_what(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        await hub.start_ready()
        await hub.stop()
        await hub.wait_stopped()
    asked, progressed, answered, ready, halted, stopped = world.records()
    assert (asked.by, halted.by) == (ALICE, ALICE)
    assert {record.by.principal for record in (progressed, answered, ready, stopped)} == {"hub"}
    assert {record.by.cause for record in (progressed, answered, ready)} == {asked.position}
    assert stopped.by.cause == halted.position


async def test_a_refusal_is_the_callers_and_changes_nothing(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start_ready()
        with pytest.raises(AlreadyRunningError):
            await hub.start()
        assert isinstance(hub.actor().state, Ready)
    assert world.names() == STARTED


async def test_a_start_drops_the_output_of_the_one_before(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start({}, spawn_id="s1")
        await hub.wait(Ready)
        await hub.stop()
        await hub.wait_stopped()
        assert world.backend.lines("s1")
        await hub.start_ready()
        assert world.backend.lines("s1") == []


# --- commands while it is busy ---


async def test_commands_take_turns_and_each_is_answered_once(world: World, autojump_clock: MockClock) -> None:
    answered: list[int] = []

    async def store(hub: Hub, number: int) -> None:
        state = await hub.servers.ask("v1", StoreOptions({"n": number}), by=ALICE)
        assert isinstance(state, Stopped)
        assert state.user_options == {"n": number}
        answered.append(number)

    async with world.hub() as hub:
        world.store.gate = trio.Event()
        async with trio.open_nursery() as nursery:
            for number in range(50):
                nursery.start_soon(store, hub, number)
            await wait_all_tasks_blocked()
            assert answered == []
            world.store.gate.set()
    assert sorted(answered) == list(range(50))
    assert told_numbers(world) == answered


def told_numbers(world: World, *server_ids: str) -> list[int]:
    """What StoreOptions({"n": number}) has left in the log."""
    events = [event for server_id in server_ids or ("v1",) for event in world.events(server_id)]
    return [event.user_options["n"] for event in events if isinstance(event, OptionsStored)]


async def test_a_full_mailbox_refuses_and_lets_reports_through(autojump_clock: MockClock) -> None:
    world = World(mailbox_size=3)
    outcomes: list[str] = []

    async def ask(hub: Hub) -> None:
        try:
            await hub.servers.ask("v1", StoreOptions({}), by=ALICE)
        except Exception as error:
            outcomes.append(type(error).__name__)

    async with world.hub() as hub:
        await hub.start({"delay": 5})
        world.store.gate = trio.Event()
        async with trio.open_nursery() as nursery:
            await trio.sleep(0.1)  # the first message is on its way to the log
            for _ in range(10):
                nursery.start_soon(ask, hub)
            await trio.sleep(20)  # the spawn has long been over, and says so
            assert outcomes == ["BusyError"] * 7
            assert hub.actor().waiting == 3 + 1
            with pytest.raises(BusyError):
                await hub.stop()
            world.store.gate.set()
        assert outcomes == ["BusyError"] * 7 + ["PendingError"] * 3
        await hub.wait(Ready)


async def test_a_caller_who_has_gone_is_no_loss(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        world.store.gate = trio.Event()
        with trio.move_on_after(1) as patience:
            await hub.start({"delay": 5})
        assert patience.cancelled_caught
        world.store.gate.set()
        await hub.wait(Ready)
        assert hub.servers.restarts == 0
    assert world.names() == STARTED


async def test_a_repeated_start_finds_the_first(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        first = await hub.start({"delay": 5}, spawn_id="s1")
        assert (await hub.start({}, spawn_id="s2")).spawn_id == first.spawn_id == "s1"
        await hub.wait(Ready)
    assert world.backend.begun == ["s1"]


# --- starts that come to nothing ---


async def failure_of(world: World, simulate: Any = None) -> SpawnFailed:
    async with world.hub() as hub:
        await hub.start(simulate or {}, spawn_id="s1")
        state = await hub.wait_stopped()
        assert state.failure is not None
        assert hub.servers.restarts == 0
    assert world.names()[-1] == "SpawnFailed"
    return state.failure


async def test_a_start_that_fails_says_why(world: World, autojump_clock: MockClock) -> None:
    failure = await failure_of(world, {"delay": 2, "fail": "no room", "fail_status": 503})
    assert failure == SpawnFailed("s1", "no room", 503)


async def test_a_start_has_a_deadline(world: World, autojump_clock: MockClock) -> None:
    failure = await failure_of(world, {"delay": 1000})
    assert failure == SpawnFailed("s1", "The server did not start within 60 seconds.", exit_status=0)
    assert trio.current_time() == pytest.approx(60, abs=1)
    assert world.backend.running() == []


async def test_an_answer_has_a_deadline(world: World, autojump_clock: MockClock) -> None:
    failure = await failure_of(world, {"ready": False})
    message = "The server did not answer at http://s1.simulated within 30 seconds."
    assert failure == SpawnFailed("s1", message, exit_status=0)
    assert trio.current_time() == pytest.approx(30, abs=1)
    assert world.backend.running() == []


async def test_a_death_ends_the_wait_for_an_answer(world: World, autojump_clock: MockClock) -> None:
    failure = await failure_of(world, {"ready": False, "die_after": 5, "exit_status": 3})
    assert failure == SpawnFailed("s1", "The server ended with status 3 before it was ready.", exit_status=3)
    assert trio.current_time() == pytest.approx(5, abs=1)


async def test_a_proxy_that_lags_holds_a_start_up_for_two_seconds(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        hub.stage.wait_route = trio.sleep_forever
        await hub.start_ready()
        assert trio.current_time() == pytest.approx(2, abs=0.5)


async def test_a_backend_that_is_away_delays_a_start(world: World, autojump_clock: MockClock) -> None:
    world.backend.is_down = True
    async with world.hub() as hub:
        await hub.start({}, spawn_id="s1")
        await trio.sleep(20)
        assert isinstance(hub.actor().state, Spawning)
        world.backend.is_down = False
        await hub.wait(Ready)
    assert world.backend.begun == ["s1"]


async def test_a_backend_that_stays_away_fails_a_start_and_leaves_it_in_doubt(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        world.backend.is_down = True
        await hub.start({}, spawn_id="s1")
        state = await hub.wait_stopped()
        assert state.leftovers == ("s1",)
        assert trio.current_time() == pytest.approx(60 + 70, abs=1)
        world.backend.is_down = False
        await hub.actor().wait_until(has_ended)
    assert world.events()[-1] == LeftoverEnded("s1")
    assert world.backend.begun == []


UNREACHABLE = UnreachableError("hook")
ERRORS = [
    (SpawnError("bad option", status=400), SpawnFailed("s1", "bad option", 400)),
    (ForbiddenError("not you"), SpawnFailed("s1", "not you")),
    (KeyError("x"), SpawnFailed("s1", "Internal Server Error")),
    (UNREACHABLE, SpawnFailed("s1", "Internal Server Error")),
    (
        ExceptionGroup("nursery", [SpawnError("no room", status=507, html_message="<b>no</b>")]),
        SpawnFailed("s1", "no room", 507, "<b>no</b>"),
    ),
    (
        ExceptionGroup("outer", [OSError("x"), ExceptionGroup("inner", [SpawnError("no room")])]),
        SpawnFailed("s1", "no room"),
    ),
]


@pytest.mark.parametrize(("error", "failure"), ERRORS)
async def test_an_error_in_making_an_attempt_fails_the_start_only(
    world: World, error: Exception, failure: SpawnFailed, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        hub.stage.break_attempt = error
        await hub.start({}, spawn_id="s1")
        assert (await hub.wait_stopped()).failure == failure
        assert hub.servers.restarts == 0


# a spawner that is out of reach is asked again: below
@pytest.mark.parametrize(("error", "failure"), [each for each in ERRORS if each[0] is not UNREACHABLE])
async def test_an_error_of_the_spawner_fails_the_start_only(
    world: World, error: Exception, failure: SpawnFailed, autojump_clock: MockClock
) -> None:
    world.spawner.errors["start"] = [error]
    async with world.hub() as hub:
        await hub.start({}, spawn_id="s1")
        assert (await hub.wait_stopped()).failure == failure
        assert hub.servers.restarts == 0


async def test_a_start_that_cannot_be_asked_for_in_a_nursery_is_tried_again(
    world: World, autojump_clock: MockClock
) -> None:
    world.spawner.errors["start"] = [ExceptionGroup("nursery", [UnreachableError("no route")])] * 3
    async with world.hub() as hub:
        await hub.start_ready()
    assert world.spawner.count("start") == 4


@pytest.mark.parametrize("url", [None, "", b"http://x"])
async def test_a_spawner_that_does_not_say_where_fails_the_start(
    world: World, url: Any, autojump_clock: MockClock
) -> None:
    class Nowhere(BreakableSpawner):
        async def start(self, attempt: Attempt, report: Report) -> str:
            await super().start(attempt, report)
            return url  # type: ignore[no-any-return]

    world.spawner = Nowhere(world.backend)
    failure = await failure_of(world)
    assert failure.reason == "The spawner does not say where the server is."
    assert world.backend.running() == []


@pytest.mark.parametrize("error", [OSError("reset"), UnreachableError("no api"), KeyError("bug")])
async def test_a_wait_for_an_answer_that_breaks_is_tried_again(
    world: World, error: Exception, autojump_clock: MockClock
) -> None:
    world.spawner.errors["wait_up"] = [error] * 4
    async with world.hub() as hub:
        await hub.start_ready()
    assert world.spawner.count("wait_up") == 5


async def test_a_wait_for_an_answer_may_be_refused(world: World, autojump_clock: MockClock) -> None:
    world.spawner.errors["wait_up"] = [ExceptionGroup("nursery", [SpawnError("not a URL")])]
    assert (await failure_of(world)).reason == "not a URL"


@pytest.mark.parametrize("error", [OSError("read-only"), KeyError("bug")])
async def test_output_that_cannot_be_dropped_does_not_keep_a_server_from_starting(
    world: World, error: Exception, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        await hub.start_ready({"die_after": 1})
        await hub.wait_stopped()
        world.spawner.errors["forget"] = [error]
        await hub.start_ready()


async def test_output_that_takes_for_ever_to_drop_meets_the_deadline(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        await hub.start_ready({"die_after": 1})
        await hub.wait_stopped()
        world.spawner.held = {"forget"}
        await hub.start({})
        assert (await hub.wait_stopped()).failure is not None


# --- cancelling a start ---


@pytest.mark.parametrize("moment", [0, 1e-6, 5, 9.999])
async def test_a_start_can_be_cancelled_at_any_moment(
    world: World, moment: float, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        await hub.start({"delay": 10}, spawn_id="s1")
        await trio.sleep(moment)
        assert isinstance(await hub.stop(), Stopping)
        state = await hub.wait_stopped()
        assert (state.failure, state.leftovers) == (None, ())
        assert trio.current_time() - moment < 1
    assert world.backend.running() == []
    assert SpawnCancelled("s1", "enough") in world.events()


async def test_a_start_can_be_cancelled_while_its_failure_is_cleaned_up(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        await hub.start({"fail": "no", "delay": 1}, spawn_id="s1")
        world.spawner.held = {"stop"}
        await trio.sleep(20)
        assert isinstance(hub.actor().state, Spawning)
        await hub.stop()
        world.spawner.held = set()
        await hub.wait_stopped()
    assert world.names()[-2:] == ["SpawnCancelled", "ServerStopped"]


class Stubborn(BreakableSpawner):
    """Takes a while over being cancelled."""

    stubborn_for = 1000.0

    async def start(self, attempt: Attempt, report: Report) -> str:
        self.backend.begin(attempt.spawn_id, Simulation())
        with trio.CancelScope(shield=True):
            await trio.sleep(self.stubborn_for)
        return "http://never"


async def test_the_next_states_work_waits_for_the_last_ones_to_clean_up(
    world: World, autojump_clock: MockClock
) -> None:
    world.spawner = Stubborn(world.backend)
    world.spawner.stubborn_for = 5
    async with world.hub() as hub:
        await hub.start({})
        await trio.sleep(1)
        await hub.stop()
        await trio.sleep(3)
        assert world.spawner.count("stop") == 0
        await hub.wait_stopped()
        assert trio.current_time() == pytest.approx(5, abs=0.1)


async def test_work_that_will_not_end_does_not_hold_up_a_stop(
    world: World, autojump_clock: MockClock
) -> None:
    world.spawner = Stubborn(world.backend)
    async with world.hub() as hub:
        await hub.start({})
        await trio.sleep(1)
        await hub.stop()
        assert isinstance(await hub.stop(), Stopping)  # it answers meanwhile
        await hub.wait_stopped()
        assert trio.current_time() == pytest.approx(1 + work_task.FAREWELL, abs=0.1)
        assert world.backend.running() == []


async def test_a_start_that_heeds_no_deadline_is_given_up(world: World, autojump_clock: MockClock) -> None:
    world.spawner = Stubborn(world.backend)
    async with world.hub() as hub:
        await hub.start({}, spawn_id="s1")
        state = await hub.wait_stopped()
        assert trio.current_time() == pytest.approx(60 + 30 + 2 + 70 + GRACE, abs=1)
        assert state.failure is not None
        assert state.leftovers == ("s1",)
        await hub.actor().wait_until(has_ended)
        assert world.backend.running() == []


async def test_a_stop_that_heeds_no_deadline_is_given_up(world: World, autojump_clock: MockClock) -> None:
    class Deaf(BreakableSpawner):
        async def stop(self, spawn_id: str) -> Gone:
            with trio.CancelScope(shield=True):
                await trio.sleep(200)
            return await super().stop(spawn_id)

    world.spawner = Deaf(world.backend)
    async with world.hub() as hub:
        await hub.start_ready()
        begin = trio.current_time()
        await hub.stop()
        state = await hub.wait_stopped()
        assert trio.current_time() - begin == pytest.approx(70 + GRACE, abs=1)
        assert len(state.leftovers) == 1
        await hub.actor().wait_until(has_ended)


# --- ready ---


async def test_a_death_is_noticed_at_once_where_the_spawner_is_told(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        await hub.start_ready({"die_after": 1000, "exit_status": 7})
        assert await hub.wait_stopped()
        assert trio.current_time() == pytest.approx(1000, abs=0.1)
    assert isinstance(world.events()[-1], ServerDied)
    assert world.events()[-1].exit_status == 7  # type: ignore[union-attr]


async def test_a_death_is_noticed_at_the_next_poll_where_it_is_not(
    world: World, autojump_clock: MockClock
) -> None:
    world.spawner.held = {"wait_news"}
    async with world.hub() as hub:
        await hub.start_ready({"die_after": 100})
        await hub.wait_stopped()
        assert 100 <= trio.current_time() <= 130.1


async def test_without_polling_a_look_notices(world: World, autojump_clock: MockClock) -> None:
    world.poll = 0
    world.spawner.held = {"wait_news"}
    async with world.hub() as hub:
        await hub.start_ready({"die_after": 100})
        await trio.sleep(5000)
        assert isinstance(hub.actor().state, Ready)
        await hub.servers.look("v1")
        await hub.wait_stopped()
    assert world.names()[-1] == "ServerDied"


async def test_a_look_that_takes_long_is_left_to_the_watch(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start_ready()
        world.spawner.held = {"poll"}
        begin = trio.current_time()
        await hub.servers.look("v1")
        assert trio.current_time() - begin == pytest.approx(LOOK)
        world.spawner.held = set()
        world.spawner.errors["poll"] = [UnreachableError("away"), KeyError("bug")]
        await hub.servers.look("v1")
        await hub.servers.look("v1")
        await hub.servers.look("v-unknown")
        assert isinstance(hub.actor().state, Ready)


async def test_a_look_and_the_watch_may_notice_at_once(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        ready = await hub.start_ready()
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(hub.servers.look, "v1")
            world.backend.kill(ready.spawn_id)
        await hub.wait_stopped()
    assert world.names() == [*STARTED, "ServerDied"]


async def test_a_look_at_one_that_comes_to_rest_meanwhile_returns(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        ready = await hub.start_ready()
        slow = trio.Event()

        class Slow(BreakableSpawner):
            async def poll(self, spawn_id: str) -> Running | Gone:
                await slow.wait()
                return await super().poll(spawn_id)

        actor = hub.actor()
        actor._work._spawner = Slow(world.backend)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hub.servers.look, "v1")
            await wait_all_tasks_blocked()
            actor._work._spawner = world.spawner
            await hub.stop()
            await hub.wait_stopped()
            await wait_all_tasks_blocked()
            assert actor.is_at_rest
            came = trio.current_time()
            slow.set()
        assert trio.current_time() - came < 1, "it told somebody who will never answer"
        assert world.backend.running() == []
        assert ready.spawn_id in world.backend.begun


async def test_not_being_able_to_ask_never_ends_a_server(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start_ready({"unreachable_from": 10, "unreachable_for": 5000})
        await trio.sleep(4000)
        assert isinstance(hub.actor().state, Ready)
        assert hub.servers.restarts == 0
        assert world.spawner.count("poll") < 300  # it is not asked in a hurry either
    assert world.names() == STARTED


async def test_a_death_while_nobody_could_ask_is_noticed_afterwards(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        await hub.start_ready({"unreachable_from": 10, "unreachable_for": 500, "die_after": 100})
        await hub.wait_stopped()
        assert 510 <= trio.current_time() <= 510 + 31
    assert world.names() == [*STARTED, "ServerDied"]


@pytest.mark.parametrize("method", ["poll", "wait_news"])
async def test_a_spawner_that_breaks_when_asked_is_as_good_as_away(
    world: World, method: str, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        await hub.start_ready({"die_after": 100})
        world.spawner.errors[method] = [KeyError("bug")] * 5
        await hub.wait_stopped()
        assert hub.servers.restarts == 0


async def test_a_poll_that_hangs_is_as_good_as_none(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start_ready({"die_after": 10})
        world.spawner.held = {"poll"}
        await trio.sleep(300)
        assert isinstance(hub.actor().state, Ready)
        world.spawner.held = set()
        await hub.wait_stopped()


async def test_a_spawner_with_news_all_the_time_is_not_polled_in_a_hurry(
    world: World, autojump_clock: MockClock
) -> None:
    class Chatty(BreakableSpawner):
        async def wait_news(self, spawn_id: str) -> None:
            await trio.lowlevel.checkpoint()

    world.spawner = Chatty(world.backend)
    async with world.hub() as hub:
        await hub.start_ready()
        await trio.sleep(10)
        assert world.spawner.count("poll") <= 110


@pytest.mark.parametrize("status", ["1", 1.5, True, 2**70])
async def test_a_status_that_is_none_is_not_recorded(
    world: World, status: Any, autojump_clock: MockClock
) -> None:
    class Odd(BreakableSpawner):
        async def poll(self, spawn_id: str) -> Running | Gone:
            await trio.lowlevel.checkpoint()
            return Gone(status)

    async with world.hub() as hub:
        await hub.start_ready()
        hub.actor()._work._spawner = Odd(world.backend)
        await hub.servers.look("v1")
        await hub.wait_stopped()
    assert world.events()[-1].exit_status is None  # type: ignore[union-attr]
    async with world.hub() as hub:
        await hub.start_ready()


# --- stopping ---


async def test_a_stop_that_cannot_be_confirmed_is_shown_as_stopped_and_goes_on(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        ready = await hub.start_ready({"stop_hangs": True})
        begin = trio.current_time()
        await hub.stop()
        state = await hub.wait_stopped()
        assert trio.current_time() - begin == pytest.approx(70, abs=1)
        assert state.leftovers == (ready.spawn_id,)
        await trio.sleep(500)
        assert hub.actor().state.leftovers == (ready.spawn_id,)
        world.backend.kill(ready.spawn_id)
        await hub.actor().wait_until(has_ended)
    assert world.events()[-2:] == [
        ServerStopped(ready.spawn_id, leftover=True),
        LeftoverEnded(ready.spawn_id, -9),
    ]


async def test_a_stop_is_asked_for_again_until_it_works(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start_ready()
        world.spawner.errors["stop"] = [UnreachableError("away"), KeyError("bug"), SpawnError("odd")]
        await hub.stop()
        state = await hub.wait_stopped()
        assert state.leftovers == ()
        assert trio.current_time() < 2
    assert world.spawner.count("stop") == 4


async def test_leftovers_go_with_the_next_start_and_end_meanwhile(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        first = await hub.start_ready({"stop_hangs": True})
        await hub.stop()
        await hub.wait_stopped()
        second = await hub.start_ready()
        assert second.leftovers == (first.spawn_id,)
        assert world.backend.running() == sorted([first.spawn_id, second.spawn_id])
        assert world.backend.lines(first.spawn_id)  # not dropped: it still runs
        world.backend.kill(first.spawn_id)
        await hub.actor().wait_until(lambda state: not state.leftovers)
        assert isinstance(hub.actor().state, Ready)
        assert world.backend.running() == [second.spawn_id]
        assert world.backend.lines(first.spawn_id) == []


async def test_leftovers_end_in_the_end_across_restarts_too(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        first = await hub.start_ready({"stop_hangs": True})
        await hub.stop()
        await hub.wait_stopped()
    async with world.hub() as hub:
        await trio.sleep(100)
        second = await hub.start_ready({"stop_hangs": True})
        await hub.stop()
        state = await hub.wait_stopped()
        assert state.leftovers == (first.spawn_id, second.spawn_id)
    async with world.hub() as hub:
        await trio.sleep(100)
        world.backend.kill(first.spawn_id)
        await hub.actor().wait_until(lambda state: len(state.leftovers) == 1)
        world.backend.kill(second.spawn_id)
        await hub.actor().wait_until(has_ended)
    assert world.names().count("LeftoverEnded") == 2


# --- after a restart ---


async def test_a_spawn_goes_on_and_is_not_begun_again(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start({"delay": 10}, spawn_id="s1")
        await trio.sleep(4)
    async with world.hub() as hub:
        await hub.wait(Ready)
        assert trio.current_time() == pytest.approx(10, abs=0.1)
    assert world.backend.begun == ["s1"]


async def test_a_spawn_whose_server_has_answered_becomes_ready(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        hub.stage.wait_route = trio.sleep_forever
        await hub.start({}, spawn_id="s1")
        await hub.actor().wait_until(lambda state: isinstance(state, Spawning) and bool(state.url))
    async with world.hub() as hub:
        await hub.wait(Ready)
    assert [name for name in world.names() if name != "SpawnProgressed"] == [
        "SpawnRequested",
        "SpawnAnswered",
        "SpawnSucceeded",
    ]


async def test_a_spawn_that_ended_while_no_hub_was_there_has_failed(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        await hub.start({"delay": 5}, spawn_id="s1")
        await trio.sleep(1)
    world.backend.kill("s1")
    async with world.hub() as hub:
        failure = (await hub.wait_stopped()).failure
        assert failure is not None
        assert failure.exit_status == -9
    assert world.backend.begun == ["s1"]


async def test_a_stop_goes_on(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start_ready({"stop_delay": 20})
        await hub.stop()
        await trio.sleep(5)
    async with world.hub() as hub:
        assert isinstance(await hub.wait(Stopping), Stopping)
        await hub.wait_stopped()
        assert trio.current_time() == pytest.approx(20, abs=0.2)
    assert world.names()[-2:] == ["StopRequested", "ServerStopped"]


async def test_a_cancelled_start_goes_on_ending(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start({"delay": 50, "stop_delay": 20}, spawn_id="s1")
        await trio.sleep(1)
        await hub.stop()
    async with world.hub() as hub:
        await hub.wait_stopped()
    assert world.backend.running() == []


async def test_a_ready_server_is_checked_and_adopted(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        ready = await hub.start_ready()
    async with world.hub() as hub:
        assert await hub.wait(Checking) == Checking(
            ready.spawn_id, ready.user_options, ready.prefix, ready.url
        )
        assert await hub.wait(Ready) == ready
    assert world.names() == [*STARTED, "ServerAdopted"]


async def test_one_that_died_meanwhile_is_lost(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        ready = await hub.start_ready()
    world.backend.kill(ready.spawn_id, 5)
    async with world.hub() as hub:
        await hub.wait_stopped()
    assert world.events()[-1] == ServerLost(ready.spawn_id, 5)


async def test_one_that_does_not_answer_any_more_is_stopped(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        ready = await hub.start_ready()
    world.spawner.held = {"wait_up"}
    async with world.hub() as hub:
        await hub.wait(Stopping)
        assert trio.current_time() == pytest.approx(30, abs=1)
        await hub.wait_stopped()
    why = "It runs, but did not answer after a restart of the hub."
    assert world.events()[-2:] == [StopRequested(ready.spawn_id, why), ServerStopped(ready.spawn_id, 0)]


async def test_one_that_dies_while_it_is_asked_is_lost(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        ready = await hub.start_ready()
    world.spawner.held = {"wait_up"}
    async with world.hub() as hub:
        await trio.sleep(10)
        world.backend.kill(ready.spawn_id)
        await hub.wait_stopped()
        assert trio.current_time() == pytest.approx(10, abs=0.2)
    assert world.events()[-1] == ServerLost(ready.spawn_id, -9)


async def test_while_nobody_can_tell_it_stays_in_check(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start_ready()
    world.backend.is_down = True
    async with world.hub() as hub:
        await trio.sleep(10_000)
        assert isinstance(hub.actor().state, Checking)
        assert world.names() == STARTED
        world.backend.is_down = False
        await hub.wait(Ready)


async def test_silence_while_nobody_can_tell_is_no_reason_to_stop_it(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        await hub.start_ready()
    world.spawner.held = {"wait_up"}
    async with world.hub() as hub:
        await trio.sleep(10)
        world.backend.is_down = True  # and so is, maybe, the network between
        await trio.sleep(1000)
        assert isinstance(hub.actor().state, Checking)
        world.spawner.held = set()
        world.backend.is_down = False
        await hub.wait(Ready)
    assert world.names() == [*STARTED, "ServerAdopted"]


async def test_a_check_can_be_stopped_by_its_user(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        ready = await hub.start_ready()
    world.backend.is_down = True
    async with world.hub() as hub:
        await trio.sleep(100)
        await hub.stop()
        assert (await hub.wait_stopped()).leftovers == (ready.spawn_id,)
        world.backend.is_down = False
        await hub.actor().wait_until(has_ended)


async def test_a_check_stops_one_although_the_mailbox_is_full_and_the_log_away(
    autojump_clock: MockClock,
) -> None:
    world = World(mailbox_size=1)
    async with world.hub() as hub:
        await hub.start_ready()
    world.spawner.held = {"wait_up"}
    async with world.hub() as hub:
        await hub.wait(Checking)
        world.store.is_away = True
        await trio.sleep(40)
        assert isinstance(hub.actor().state, Checking)
        world.store.is_away = False
        await hub.wait_stopped()
        assert hub.servers.restarts == 0


async def test_restart_after_restart_changes_nothing(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        ready = await hub.start_ready()
    world.backend.is_down = True
    for _ in range(5):
        async with world.hub() as hub:
            await trio.sleep(50)
    world.backend.is_down = False
    async with world.hub() as hub:
        assert await hub.wait(Ready) == ready
    assert world.names() == [*STARTED, "ServerAdopted"]


# --- when the log cannot be written ---


async def test_news_waits_for_the_log(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start({"delay": 10, "progress": [[2, 10, "one"], [4, 20, "two"], [6, 30, "three"]]})
        await trio.sleep(1)
        world.store.is_away = True
        with pytest.raises(UnavailableError):
            await hub.stop()
        await trio.sleep(300)
        assert isinstance(hub.actor().state, Spawning)
        world.store.is_away = False
        await hub.wait(Ready)
        assert hub.servers.restarts == 0
    told = [event.message for event in world.events() if isinstance(event, SpawnProgressed)]
    assert told == ["Spawning server...", "one", "two", "three"]


async def test_a_log_that_is_long_away_does_not_make_a_start_late(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        await hub.start({"delay": 10})
        await trio.sleep(1)
        world.store.is_away = True
        await trio.sleep(5000)
        world.store.is_away = False
        await hub.wait(Ready)
    assert "SpawnFailed" not in world.names()


async def test_a_death_waits_for_the_log(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start_ready({"die_after": 10})
        world.store.is_away = True
        await trio.sleep(100)
        assert isinstance(hub.actor().state, Ready)
        world.store.is_away = False
        await hub.wait_stopped()
        assert trio.current_time() <= 100 + 2 * LOG_RETRY


async def test_a_second_writer_is_found_out_and_the_actor_rebuilt(
    world: World, caplog: pytest.LogCaptureFixture, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        await hub.start_ready()
        write = Write(server_stream("v1"), len(STARTED), [OptionsStored({"by": "another"})])
        await world.store.append(write, by=ALICE)
        with pytest.raises(UnavailableError, match="lost track"):
            await hub.stop()
        assert isinstance(await hub.stop(), Stopping)
        assert hub.servers.restarts == 1
    assert "VersionError" in caplog.text


# --- progress ---


def tell(hub: Hub, *texts: str) -> None:
    for text in texts:
        hub.actor().add_message(Progress(text, 10))


def told(world: World) -> list[str]:
    return [event.message for event in world.events() if isinstance(event, SpawnProgressed)]


async def test_a_burst_is_kept_and_then_two_a_second(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start({"delay": 30})
        await trio.sleep(10)
        for number in range(1000):
            tell(hub, str(number))
            await trio.sleep(0.01)
        await hub.wait(Ready)
    texts = told(world)[1:]
    assert len(texts) <= 10 + 2 * 10 + 1
    assert len(texts) >= 20
    assert texts == sorted(texts, key=int)
    assert texts[-1] == "999"


async def test_at_most_fifty_are_kept(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start({"delay": 55})
        await trio.sleep(1)
        for number in range(45):
            tell(hub, str(number))
            await trio.sleep(1)
        tell(hub, *"abcdefghij")
        await trio.sleep(2)
        tell(hub, "too much")
        await hub.wait(Ready)
    assert len(told(world)) == MAX_MESSAGES
    assert told(world)[1:46] == [str(number) for number in range(45)]
    assert told(world)[46:] == ["a", "b", "c", "d"]


async def test_messages_join_the_event_that_follows(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start({"delay": 10})
        await trio.sleep(9.99)
        tell(hub, "almost")
        await hub.wait(Ready)
    first, second = world.records()[2:4]
    assert (type(first.event).__name__, type(second.event).__name__) == ("SpawnProgressed", "SpawnAnswered")
    assert first.at == second.at


async def test_messages_are_not_lost_when_the_start_is_cancelled_or_fails(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        await hub.start({"delay": 10})
        await trio.sleep(5)
        tell(hub, "one", "two")
        await hub.stop()
        await hub.wait_stopped()
        await hub.start({"delay": 10, "fail": "no", "progress": [[9.999, 3, "three"]]})
        await hub.wait_stopped()
    assert told(world) == ["Spawning server...", "one", "two", "Spawning server...", "three"]
    by = [record.by.principal for record in world.records() if isinstance(record.event, SpawnProgressed)]
    assert set(by) == {"hub"}  # they are not the doing of who cancels


async def test_a_flood_of_messages_keeps_nobody_out(autojump_clock: MockClock) -> None:
    world = World(mailbox_size=5)
    async with world.hub() as hub:
        await hub.start({"delay": 10})
        await trio.sleep(1)
        tell(hub, *(str(number) for number in range(10_000)))
        assert hub.actor().waiting == 0
        await hub.stop()
        await hub.wait_stopped()
    assert told(world)[-1] == "9999"
    assert len(told(world)) <= 11


async def test_messages_outside_of_a_start_are_dropped(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start_ready()
        tell(hub, "late")
        await trio.sleep(5)
    assert told(world) == ["Spawning server..."]


@pytest.mark.parametrize(
    "odd",
    [
        Progress("x", extra={"y": object()}),
        Progress(3),  # type: ignore[arg-type]
        Progress("x", "50%"),  # type: ignore[arg-type]
        Progress("x", html_message=None),  # type: ignore[arg-type]
        Progress("\ud800"),
    ],
    ids=["extra", "text", "percent", "html", "surrogate"],
)
async def test_a_message_that_cannot_be_recorded_is_dropped(
    world: World, odd: Progress, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        await hub.start({"delay": 10})
        await trio.sleep(1)
        hub.actor().add_message(odd)
        await hub.wait(Ready)
        assert hub.servers.restarts == 0
    assert told(world) == ["Spawning server..."]


# --- waiting for a state ---


async def test_wait_until_gives_the_first_state_even_if_it_is_over(
    world: World, autojump_clock: MockClock
) -> None:
    seen: list[Server] = []

    async def wait(hub: Hub) -> None:
        seen.append(await hub.actor().wait_until(lambda state: isinstance(state, Ready)))

    async with world.hub() as hub:
        await hub.start({"delay": 1})
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, hub)
            await wait_all_tasks_blocked()
            actor = hub.actor()
            ready = Ready("s", {}, "/", "http://x")
            actor._enter(actor.state, ready)
            actor._enter(ready, Stopped())
        assert seen == [ready]


async def test_wait_until_does_not_take_an_unread_log_for_a_stopped_server(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        await hub.start_ready({"die_after": 50})
    async with world.hub() as hub:
        await hub.actor().wait_until(lambda state: isinstance(state, Stopped))
        assert trio.current_time() == pytest.approx(50, abs=0.1)


async def test_who_waits_keeps_a_stopped_server_awake(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        actor = hub.actor()
        with trio.move_on_after(5) as patience:
            await actor.wait_until(lambda state: isinstance(state, Ready))
        assert patience.cancelled_caught
        assert not actor.is_at_rest
        assert hub.actor() is actor
        await wait_all_tasks_blocked()
        assert actor.is_at_rest


async def test_a_condition_that_breaks_is_the_trouble_of_who_waits(
    world: World, autojump_clock: MockClock
) -> None:
    def broken(state: Server) -> bool:
        raise LookupError(type(state).__name__)

    async def wait(hub: Hub) -> None:
        with pytest.raises(LookupError):
            await hub.actor().wait_until(lambda state: isinstance(state, Ready) and broken(state))

    async with world.hub() as hub:
        await hub.start({"delay": 1})
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, hub)
        assert hub.servers.restarts == 0


# --- rest ---


async def test_a_stopped_server_needs_no_task(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start_ready()
        await hub.stop()
        await hub.wait_stopped()
        await wait_all_tasks_blocked()
        assert list(hub.servers.awake()) == []
        await hub.start_ready()
        assert len(list(hub.servers.awake())) == 1


async def test_one_at_rest_is_not_asked(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        actor = hub.actor()
        await wait_all_tasks_blocked()
        assert actor.is_at_rest
        assert hub.actor() is not actor
        with pytest.raises(AssertionError):
            await actor.ask(Stop(), by=ALICE)
        with pytest.raises(AssertionError):
            await actor.wait_until(lambda state: isinstance(state, Ready))


@pytest.mark.parametrize("seed", range(10))
async def test_a_command_never_meets_an_actor_that_goes_to_rest(
    world: World, seed: int, autojump_clock: MockClock
) -> None:
    """A thousand interleavings each: short lives, and askers that come after any number of the loop's steps."""
    import random

    chance = random.Random(seed)
    counts = {"answered": 0, "left": 0}

    async def ask(hub: Hub, number: int, steps: int, patient: bool) -> None:
        for _ in range(steps):
            await trio.lowlevel.checkpoint()
        server_id = f"v{number % 7}"
        with trio.CancelScope() as scope:
            if not patient:
                scope.deadline = trio.current_time()
            await hub.servers.ask(server_id, StoreOptions({"n": number}), by=ALICE)
            counts["answered"] += 1
        if scope.cancelled_caught:
            counts["left"] += 1

    async with world.hub() as hub:
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                for number in range(1000):
                    nursery.start_soon(ask, hub, number, chance.randrange(300), chance.random() < 0.9)
        await wait_all_tasks_blocked()
        assert list(hub.servers.awake()) == []
        assert hub.servers.restarts == 0
        assert hub.folds > 50  # so often one had gone to rest
    assert sum(counts.values()) == 1000
    numbers = told_numbers(world, *(f"v{number}" for number in range(7)))
    assert sorted(numbers) == list(range(1000)), "a command was lost, or carried out twice"


# --- bugs in what surrounds an actor ---


async def test_a_bug_in_the_work_is_met_with_a_new_actor_for_the_same_state(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        hub.stage.wait_route = raise_times(3, KeyError("bug in the proxies"))
        await hub.start({}, spawn_id="s1")
        state = await hub.wait_stopped()
        assert state.failure is not None  # a start that breaks has failed, whatever broke it
        assert state.failure.reason == "Internal Server Error"


def raise_times(times: int, error: Exception) -> Callable[[], Any]:
    left = [error] * times

    async def call() -> None:
        await trio.lowlevel.checkpoint()
        if left:
            raise left.pop()

    return call


async def test_work_that_breaks_after_its_state_was_left_is_only_noted(
    world: World, caplog: pytest.LogCaptureFixture, autojump_clock: MockClock
) -> None:
    class Clumsy(BreakableSpawner):
        async def start(self, attempt: Attempt, report: Report) -> str:
            try:
                await trio.sleep_forever()
            finally:
                raise OSError("the clean-up has failed")

    world.spawner = Clumsy(world.backend)
    async with world.hub() as hub:
        await hub.start({})
        await trio.sleep(1)
        await hub.stop()
        await hub.wait_stopped()
        assert hub.servers.restarts == 0


async def test_work_that_breaks_at_the_end_of_the_hub_does_not_break_the_end(
    world: World, caplog: pytest.LogCaptureFixture, autojump_clock: MockClock
) -> None:
    class Clumsy(BreakableSpawner):
        async def start(self, attempt: Attempt, report: Report) -> str:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._clean_up_badly)
            return ""

        async def _clean_up_badly(self) -> None:
            try:
                await trio.sleep_forever()
            finally:
                raise OSError("the clean-up has failed")

    world.spawner = Clumsy(world.backend)
    with caplog.at_level(logging.ERROR):
        async with world.hub() as hub:
            await hub.start({})
            await trio.sleep(1)
    assert "the clean-up has failed" in caplog.text


@pytest.mark.parametrize("left", [(), ("s0",)])
async def test_work_that_ends_without_its_state_is_a_bug(
    world: World, left: tuple[str, ...], autojump_clock: MockClock
) -> None:
    async def tell(command: object) -> None:
        """To a server that is not impressed."""
        await trio.lowlevel.checkpoint()

    async with world.hub() as hub:
        work = ServerWork("v1", hub.stage, tell, lambda _: None)
        with pytest.RaisesGroup(AssertionError, allow_unwrapped=True, flatten_subgroups=True):
            await work.live(Ready("s1", {}, "/user/alice/", "http://s1.simulated", left))


def test_deadlines_are_what_the_others_think_they_are() -> None:
    assert Deadlines() == Deadlines(start=60, answer=30, routed=2, stop=70, poll=30)
    assert actors.LOG_RETRY < GRACE
