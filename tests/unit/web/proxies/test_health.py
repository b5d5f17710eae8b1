"""When a proxy counts as hung, and how soon one that ended is replaced."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from web.proxies import health
from web.proxies.health import (
    MISSED,
    Look,
    answers,
    failures_in_a_row,
    health_url,
    missed_in_a_row,
    restart_delay,
    wait_hung,
    waited_for_cpu,
)

YES, NO, UNKNOWN = Look(True), Look(False), Look(None)
SLOW_HUB, SLOW_PROXY = Look(False, late=2.0), Look(False, starved=2.0)


@pytest.mark.parametrize(
    ("looks", "is_hung"),
    [
        ([NO, NO, NO], True),
        ([YES, NO, NO, NO], True),
        ([Look(False, late=0.5, starved=0.5)] * 3, True),
        ([NO, NO], False),
        ([NO, NO, YES, NO, NO], False),
        ([NO, NO, SLOW_HUB, NO, NO], False),
        ([NO, NO, SLOW_PROXY, NO, NO], False),
        ([NO, NO, UNKNOWN, NO, NO], False),
        ([SLOW_HUB] * 20, False),
        ([SLOW_PROXY] * 20, False),
        ([UNKNOWN] * 20, False),
        ([SLOW_HUB, SLOW_PROXY, NO, NO, NO], True),
    ],
)
def test_a_proxy_is_hung_after_three_silences_in_a_row_on_a_machine_that_is_quick(
    looks: list[Look], is_hung: bool
) -> None:
    assert (max(accumulate(looks, missed_in_a_row, initial=0)) >= MISSED) is is_hung


looks = st.builds(Look, st.sampled_from([True, False, None]), st.floats(0, 10), st.floats(0, 10))


@given(st.lists(looks, max_size=30))
def test_who_answers_or_is_kept_waiting_every_third_time_is_never_killed(found: list[Look]) -> None:
    found[::3] = [Look(True) if number % 2 else SLOW_HUB for number in range(len(found[::3]))]
    assert max(accumulate(found, missed_in_a_row, initial=0)) < MISSED


@pytest.mark.parametrize(
    ("lives", "least", "most"),
    [
        ([3600.0], 0, 0),
        ([1.0], 0, 0),  # killed while sound, however young
        ([5.0, 5.0, 5.0, 5.0], 0, 0),
        ([0.0], 0.05, 0.1),  # it never came up
        ([0.2], 0.05, 0.1),
        ([0.0, 0.0], 0.2, 0.4),
        ([0.0] * 10, 2.5, 5.0),
        ([0.0] * 10 + [60.0], 0, 0),
        ([60.0] + [0.0] * 10, 2.5, 5.0),
    ],
)
def test_only_who_cannot_start_is_waited_for(lives: list[float], least: float, most: float) -> None:
    *_, failures = accumulate(lives, failures_in_a_row, initial=0)
    assert least <= restart_delay(failures) <= most


@pytest.mark.parametrize(
    ("address", "tls", "url"),
    [
        ("127.0.0.1:8000", False, "http://127.0.0.1:8000/_chp_healthz"),
        ("0.0.0.0:80", False, "http://127.0.0.1:80/_chp_healthz"),
        ("[::]:443", True, "https://[::1]:443/_chp_healthz"),
        ("[fe80::1]:443", True, "https://[fe80::1]:443/_chp_healthz"),
        ("/run/hub/public.sock", False, "http+unix://%2Frun%2Fhub%2Fpublic.sock/_chp_healthz"),
    ],
)
def test_where_its_health_is_asked_after(address: str, tls: bool, url: str) -> None:
    assert health_url(address, tls=tls) == url


# Against real sockets


class Proxy:
    """The process of this test, taken for a proxy's."""

    pid = os.getpid()

    def __init__(self, url: str) -> None:
        self.url = url


@contextmanager
def silent() -> Iterator[str]:
    """The URL of somebody who takes connections and says nothing, as one does that is stopped."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield health_url(f"127.0.0.1:{listener.getsockname()[1]}", tls=False)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"EVERY": 0.2, "TIMEOUT": 0.2, "ON_TIME": 0.15, "_TICK": 0.01}.items():
        monkeypatch.setattr(health, name, seconds)


async def test_silence_on_a_real_socket_is_a_hang(quick: None) -> None:
    with silent() as url, trio.fail_after(20):
        await wait_hung(Proxy(url), health.EVERY)


async def test_silence_while_this_loop_is_late_is_none(quick: None) -> None:
    async def hold_the_loop_up() -> None:
        while True:
            time.sleep(0.2)
            await trio.sleep(0.1)

    with silent() as url, trio.move_on_after(3) as limit:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hold_the_loop_up)
            await wait_hung(Proxy(url), health.EVERY)
            nursery.cancel_scope.cancel()
    assert limit.cancelled_caught


async def test_one_that_answers_is_never_hung(quick: None) -> None:
    async def answer(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")

    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, answer, [listener])
        with trio.move_on_after(1.5) as limit:
            await wait_hung(Proxy(f"http://127.0.0.1:{listener.socket.getsockname()[1]}/"), health.EVERY)
        assert limit.cancelled_caught
        nursery.cancel_scope.cancel()


async def test_one_that_is_still_starting_has_longer(quick: None) -> None:
    began = trio.current_time()
    with trio.fail_after(20):
        await wait_hung(Proxy(""), health.EVERY)
    assert trio.current_time() - began >= 12 * 0.2


async def test_nobody_there_is_no_answer_and_a_broken_one_is_no_news(quick: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert await answers(f"http://127.0.0.1:{port}/") is False
    assert await answers("http+unix://%2Fno%2Fsuch.sock/") is False

    async def hang_up(stream: trio.SocketStream) -> None:
        await stream.receive_some()

    async with trio.open_nursery() as nursery:
        (opened,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, hang_up, [opened])
        assert await answers(f"http://127.0.0.1:{opened.socket.getsockname()[1]}/") is None
        nursery.cancel_scope.cancel()


def test_the_kernel_says_how_long_a_process_waited_for_a_cpu() -> None:
    assert 0 <= waited_for_cpu(os.getpid()) < time.monotonic()
    assert waited_for_cpu(2**22 + 1) == 0.0
