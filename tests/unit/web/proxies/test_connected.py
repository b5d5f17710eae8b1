"""Several proxies carry one hub's routes: whom a start waits for, and what is told of the others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import trio

from tests.conftest import Client
from web.lifecycle.proxy import make_proxy
from web.proxies import connected
from web.proxies.connected import Proxies, told_of_late


def known(*names: str) -> Proxies:
    proxies = Proxies()
    for name in names:
        proxies.connect(name, f"proxy {name}")
        proxies.applied(name, 0)
    return proxies


def waits(proxies: Proxies) -> list[str]:
    return [each.name for each in proxies.every() if each.left_out is None]


async def wait(proxies: Proxies, position: int, seconds: float = 2.0) -> bool:
    """As a start does. Whether all were in time."""
    with trio.move_on_after(seconds) as waiting:
        await proxies.wait_applied(position)
    proxies.leave_out(position)
    return not waiting.cancelled_caught


async def test_a_start_waits_for_every_proxy_that_is_connected(autojump_clock: object) -> None:
    proxies = known("a", "b", "c")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait, proxies, 7)
        for number, name in enumerate("abc"):
            await trio.sleep(0.5)
            assert len(nursery.child_tasks) == 1, f"it was not held up until {number + 1} had come"
            proxies.applied(name, 7)
    assert trio.current_time() == pytest.approx(1.5)
    assert waits(proxies) == ["proxy a", "proxy b", "proxy c"]


async def test_one_that_is_not_in_time_holds_up_one_start_alone_until_it_has_caught_up(
    autojump_clock: object, caplog: pytest.LogCaptureFixture
) -> None:
    proxies = known("a", "b")
    proxies.applied("a", 10)
    assert not await wait(proxies, 7)
    assert waits(proxies) == ["proxy a"]
    began = trio.current_time()
    assert await wait(proxies, 9)
    assert trio.current_time() == began
    proxies.applied("b", 8)
    assert waits(proxies) == ["proxy a"], "9 was asked for meanwhile"
    proxies.applied("b", 9)
    assert waits(proxies) == ["proxy a", "proxy b"]
    assert caplog.text.count("proxy b is not waited for") == 1
    assert "proxy b has caught up" not in caplog.text  # said at the level of news
    assert not await wait(proxies, 11, 1)


async def test_the_only_one_may_come_nearer_and_not_have_caught_up(autojump_clock: object) -> None:
    proxies, told = known("a"), list[int]()
    proxies.on_applied = told.append
    assert not await wait(proxies, 7)
    proxies.applied("a", 6)
    assert (waits(proxies), told) == ([], [])
    proxies.applied("a", 7)
    assert (waits(proxies), told) == (["proxy a"], [7])


async def test_one_that_dies_while_it_is_waited_for_holds_nobody_up(autojump_clock: object) -> None:
    proxies = known("a", "b")
    proxies.applied("a", 5)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait, proxies, 5)
        await trio.sleep(0.1)
        proxies.disconnect("b")
    assert trio.current_time() == pytest.approx(0.1)


def test_one_that_leaves_in_good_order_is_not_missed_and_one_that_does_not_is() -> None:
    proxies = known("a", "b", "c")
    proxies.leaves("a")
    for name in ("a", "b", "c"):
        proxies.disconnect(name)
    assert set(proxies.gone()) == {"proxy b", "proxy c"}
    proxies.connect("another id", "proxy b")
    assert set(proxies.gone()) == {"proxy c"}


def test_one_that_has_joined_anew_before_its_old_connection_ends_is_not_missed() -> None:
    proxies = known("a")
    proxies.connect("b", "proxy a")
    proxies.disconnect("a")
    assert proxies.gone() == {}


def test_what_has_gone_for_good_is_told_of_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    proxies = known("a")
    proxies.disconnect("a")
    assert proxies.gone()["proxy a"] <= datetime.now(UTC)
    monkeypatch.setattr(connected, "GONE_TOLD", timedelta(0))
    assert proxies.gone() == {}


@pytest.mark.parametrize(
    ("late", "of", "told"),
    [
        (1, 1, "The proxy does not know the way to the server yet"),
        (3, 3, "The proxy does not know the way to the server yet"),
        (1, 3, "1 of 3 proxies do not know the way to the server yet: it can be reached by the others."),
    ],
)
def test_who_has_waited_is_told_what_it_means(late: int, of: int, told: str) -> None:
    assert told_of_late(late, of).startswith(told)


async def test_each_is_told_of_in_health_and_metrics(client: Client, autojump_clock: object) -> None:
    proxies = client.hub.proxies
    for name in ("well", "late", "gone", "refuses"):
        proxies.connect(name, f"{name} at node1")
        proxies.applied(name, client.hub.store.head)
    await client.post("/users/alice/server")
    head = client.hub.store.head
    for name in ("well", "gone"):
        proxies.applied(name, head)
    proxies.leave_out(head)
    proxies.disconnect("gone")
    proxies.fails("refuses", "refuses this hub's token")
    told = (await client.get("/health")).text
    assert "a proxy late at node1 is " in told
    assert "a proxy refuses at node1 refuses this hub's token\n" in told
    assert "a proxy gone at node1 has been away since " in told
    assert "well" not in told
    metrics = (await client.get("/metrics")).text
    assert "callboard_proxies_connected 2.0" in metrics, "one is gone, one refuses"
    for name, answers in {"well": 1, "late": 0, "refuses": 0, "gone": 0}.items():
        assert f'callboard_proxy_answers{{proxy="{name} at node1"}} {answers}.0' in metrics
    assert 'callboard_proxy_behind{proxy="well at node1"} 0.0' in metrics


async def test_that_there_is_none_is_told_where_one_is_expected(client: Client) -> None:
    make_proxy(client.hub)
    assert (await client.get("/health")).text == "no proxy follows this hub\n"
    client.hub.proxies.connect("a", "a at node1")
    assert (await client.get("/health")).text == ""


async def test_strangers_do_not_learn_where_proxies_are(client: Client) -> None:
    client.hub.proxies.connect("a", "a at node1")
    client.hub.proxies.fails("a", "does not answer")
    told = (await client.with_token(None).get("/health")).text
    assert told == "a proxy does not answer\n"
