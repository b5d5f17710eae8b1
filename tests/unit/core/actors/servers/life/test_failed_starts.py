"""Starts that come to nothing, of themselves or because they were cancelled."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from jupyterhub.spawner import SpawnException
from tornado.web import HTTPError
from trio.testing import MockClock

from core.actors.servers import work_task
from core.actors.servers.deadlines import GRACE
from core.errors import (
    ForbiddenError,
    SpawnError,
    UnreachableError,
)
from core.events.server import (
    LeftoverEnded,
    SpawnCancelled,
    SpawnFailed,
)
from core.plugins.spawner import Attempt, Gone, Report
from core.server import (
    Ready,
    Spawning,
    Stopping,
    has_ended,
)
from spawners.simulated import Simulation
from tests.unit.core.actors.actor_world import BreakableSpawner, World

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


async def test_a_death_is_told_with_what_else_is_wrong(world: World, autojump_clock: MockClock) -> None:
    world.spawner.trouble = "Its port is taken."
    failure = await failure_of(world, {"ready": False, "die_after": 5, "exit_status": 3})
    assert failure.reason == "The server ended with status 3 before it was ready. Its port is taken."


async def test_a_proxy_that_lags_holds_a_start_up_for_two_seconds(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        hub.runtime.wait_route = trio.sleep_forever
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
    (KeyError("x"), SpawnFailed("s1", "'x'", unexpected=True)),
    (KeyError(), SpawnFailed("s1", "KeyError", unexpected=True)),
    (OSError("password=geheim1 is wrong"), SpawnFailed("s1", "password=[secret] is wrong", unexpected=True)),
    (UNREACHABLE, SpawnFailed("s1", "hook", unexpected=True)),
    (HTTPError(418, "No %s here", "tea"), SpawnFailed("s1", "No tea here", 418)),
    (
        SpawnException("Full.", reason="full", status_code=503, log_message="node 7"),
        SpawnFailed("s1", "Full.", 503, phrase="full"),
    ),
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
        hub.runtime.break_attempt = error
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
        again = await hub.start_ready()
        assert world.spawner.errors["forget"] == []
    assert world.backend.running() == [again.spawn_id]


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
        assert trio.current_time() == pytest.approx(1 + work_task.CLEANUP_TIMEOUT, abs=0.1)
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
