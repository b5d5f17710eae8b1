"""A proxy that is driven: in which order it is given its routes, what is said of its troubles, what starts hear."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import trio

from core.reconcile.routes import Held, Told
from tests.proxies.fakes import FakeProxy, Wanted, led
from web.proxies.carrier import CARRIED, PATIENCE, RouteCarrier, TroubleError
from web.proxies.connected import Proxies
from web.proxies.use import UseOfRoutes

URL = "http://127.0.0.1:1"


class World:
    def __init__(self, nursery: trio.Nursery, proxy: FakeProxy | None = None) -> None:
        self.wanted, self.proxy, self.proxies = Wanted(), proxy or FakeProxy(), Proxies()
        self.used: list[str] = []
        use = UseOfRoutes(lambda used: self.used.extend(used))
        self.carrier = RouteCarrier(self.proxy, self.wanted, self.proxies, use, check_every=60, at_once=3)
        self._nursery = nursery

    async def run(self, seconds: float = 1.0) -> None:
        self._nursery.start_soon(self.carrier.run)
        await trio.sleep(seconds)


@pytest.fixture
def world(nursery: trio.Nursery) -> World:
    return World(nursery)


class Ordered(FakeProxy):
    """`done`: what was asked of it, and what was under way at once at most."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[str] = []
        self.most = 0

    async def set(self, spec: str, told: Told) -> None:
        self.done.append(spec)
        await super().set(spec, told)

    async def _answer(self, act: Any) -> Any:
        self.most = max(self.most, self.under_way + 1)
        return await super()._answer(act)


async def test_the_hubs_own_route_comes_first_and_no_more_are_sent_at_once_than_may_be(
    nursery: trio.Nursery, autojump_clock: object
) -> None:
    world = World(nursery, proxy := Ordered())
    for number in range(30):
        world.wanted.change(f"/user/u{number}/", URL)
    await world.run()
    assert proxy.done[0] == "/"
    assert len(proxy.done) == 31
    assert proxy.most == 3


async def test_a_change_is_carried_at_once_and_says_up_to_where(world: World, autojump_clock: object) -> None:
    await world.run()
    world.wanted.change("/user/alice/", URL)
    with trio.fail_after(0.01):
        await world.proxies.wait_applied(world.wanted.head)
    assert led(world.proxy.held)["/user/alice"] == URL
    world.wanted.change("/user/alice/", None)
    with trio.fail_after(0.01):
        await world.proxies.wait_applied(world.wanted.head)
    assert "/user/alice" not in world.proxy.held


async def test_a_change_in_the_middle_of_a_look_is_not_missed(
    nursery: trio.Nursery, autojump_clock: object
) -> None:
    class Slow(FakeProxy):
        looks = trio.Event()

        async def has(self, spec: str) -> bool:
            self.looks.set()
            await trio.sleep(0.1)
            return await super().has(spec)

    world = World(nursery, proxy := Slow())
    for number in range(30):
        world.wanted.change(f"/user/u{number}/", URL)
    await world.run(0.3)
    proxy.looks = trio.Event()
    await proxy.looks.wait()
    world.wanted.change("/user/alice/", URL)
    with trio.fail_after(0.2):
        await world.proxies.wait_applied(world.wanted.head)


async def test_a_trouble_that_lasts_is_a_warning_once_and_its_end_is_said(
    world: World, autojump_clock: object, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    world.proxy.faults = ["refused"] * 20
    await world.run(PATIENCE / 2)
    assert caplog.text == ""
    assert [known.trouble for known in world.proxies.every()] == ["refuses this hub's token"]
    await trio.sleep(30)
    assert caplog.text.count("the proxy fake refuses this hub's token") == 1
    assert "the proxy fake has its routes again" in caplog.text
    assert [known.trouble for known in world.proxies.every()] == [""]


async def test_a_trouble_of_a_moment_is_not_worth_a_word(
    world: World, autojump_clock: object, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    world.proxy.faults = ["refused", "lost"]
    await world.run()
    assert caplog.text == ""
    assert led(world.proxy.held) == {"/": "http://127.0.0.1:8081"}


async def test_one_that_is_in_trouble_is_waited_for_as_others_are(
    world: World, autojump_clock: object
) -> None:
    await world.run()
    world.proxy.faults = ["refused"] * 6
    world.wanted.change("/user/alice/", URL)
    await trio.sleep(0.01)
    with trio.move_on_after(2) as waiting:
        await world.proxies.wait_applied(world.wanted.head)
    assert not waiting.cancelled_caught, "it was well again within two seconds"
    assert led(world.proxy.held)["/user/alice"] == URL


async def test_a_check_that_is_asked_for_tells_what_keeps_it(world: World, autojump_clock: object) -> None:
    await world.run()
    world.proxy.held["/stray"] = {"target": URL, "jupyterhub": True}
    world.proxy.held["/foreign"] = {"target": URL}
    await world.carrier.check()
    assert set(world.proxy.held) == {"/", "/foreign"}
    world.proxy.faults = ["refused"]
    with pytest.raises(TroubleError, match="refuses"):
        await world.carrier.check()


async def test_the_way_to_a_server_that_is_joined_by_its_start_stays(
    world: World, autojump_clock: object
) -> None:
    for name in ("alice", "bob"):
        world.proxy.held[f"/user/{name}"] = {"target": URL, "jupyterhub": True}
    world.wanted.starting = {"/user/alice/"}
    await world.run()
    assert set(world.proxy.held) == {"/", "/user/alice"}
    world.wanted.starting.clear()
    await trio.sleep(1)
    assert set(world.proxy.held) == {"/"}


async def test_its_end_is_no_proxy_any_more(nursery: trio.Nursery, autojump_clock: object) -> None:
    world = World(nursery)
    with trio.move_on_after(1):
        await world.carrier.run()
    assert CARRIED not in world.proxies.connected


class Broken(FakeProxy):
    async def routes(self) -> Held:
        raise KeyError("bug")


async def test_a_bug_is_not_taken_for_a_trouble(nursery: trio.Nursery, autojump_clock: object) -> None:
    world = World(nursery, Broken())
    with pytest.raises(KeyError):
        await world.carrier.run()
