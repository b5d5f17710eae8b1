"""Who fails waits: themselves, and nobody else. On the virtual clock."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
import trio
import trio.testing

from core.errors import ThrottledError
from core.logins import gate as login_gate
from core.logins.gate import FREE, FREE_FROM_PLACE, REMEMBERED, LoginGate
from core.machine.networks import network_of

HERE, THERE = "192.0.2.1", "198.51.100.7"


async def fail(gate: LoginGate, times: int = 1, name: str = "bob", address: str = HERE) -> None:
    for _ in range(times):
        async with gate.attempt(name, address):
            pass


async def took(gate: LoginGate, name: str = "bob", address: str = HERE, *, well: bool = False) -> float:
    began = trio.current_time()
    async with gate.attempt(name, address) as attempt:
        waited = trio.current_time() - began
        if well:
            attempt.succeeded()
    return waited


async def test_pauses_begin_after_a_few_failures_and_double_up_to_a_limit(autojump_clock):
    gate = LoginGate()
    pauses = [await took(gate) for _ in range(FREE + 8)]
    assert pauses == [0] * FREE + [0.5, 1, 2, 4, 8, 10, 10, 10]


async def test_the_owner_of_the_name_comes_in_from_elsewhere_and_others_from_here(autojump_clock):
    gate = LoginGate()
    await fail(gate, 30)
    assert await took(gate, address=THERE, well=True) == 0
    assert await took(gate, name="carol", well=True) == 0
    assert await took(gate) > 0, "and who has failed still waits"


async def test_a_success_forgets_the_failures(autojump_clock):
    gate = LoginGate()
    await fail(gate, FREE + 3)
    await took(gate, well=True)
    assert await took(gate) == 0


async def test_a_quarter_of_an_hour_forgets_them_too(autojump_clock):
    gate = LoginGate()
    await fail(gate, FREE + 3)
    await trio.sleep(login_gate.FORGOTTEN_AFTER + 1)
    assert await took(gate) == 0


async def test_what_says_nothing_about_the_person_does_not_count(autojump_clock):
    gate = LoginGate()
    for _ in range(FREE + 3):
        async with gate.attempt("bob", HERE) as attempt:
            attempt.void()
        with contextlib.suppress(RuntimeError):
            async with gate.attempt("bob", HERE):
                raise RuntimeError
    assert await took(gate) == 0


async def test_who_hangs_up_before_the_answer_has_failed(autojump_clock):
    gate = LoginGate()
    for _ in range(FREE):
        with trio.move_on_after(0.1):
            async with gate.attempt("bob", HERE):
                await trio.sleep(2)  # as PAM does before it says no
    assert await took(gate) > 0


async def test_many_at_once_are_no_way_around_it(autojump_clock):
    gate = LoginGate()
    let_in, refused = 0, 0

    async def attempt() -> None:
        nonlocal let_in, refused
        try:
            async with gate.attempt("bob", HERE):
                let_in += 1
                await trio.sleep(1)
        except ThrottledError as error:
            refused += bool(error.retry_after)

    async with trio.open_nursery() as nursery:
        for _ in range(100):
            nursery.start_soon(attempt)
    assert let_in <= FREE + login_gate.WAITING_OF_ONE
    assert let_in + refused == 100


async def test_somebody_who_tries_many_names_waits_a_little_at_each(autojump_clock):
    gate = LoginGate()
    for number in range(FREE_FROM_PLACE):
        assert await took(gate, name=f"user{number}") == 0
    assert await took(gate, name="another") == login_gate.PAUSE_FROM_PLACE
    assert await took(gate, name="another", address=THERE) == 0


async def test_only_so_many_are_remembered(autojump_clock, monkeypatch):
    monkeypatch.setattr(login_gate, "REMEMBERED", 10)
    gate = LoginGate()
    for number in range(50):
        await fail(gate, name=f"user{number}", address=f"192.0.2.{number}")
    assert len(gate._failures) == 10
    assert REMEMBERED == 10_000
    assert not gate._under_way


async def test_only_so_many_wait_and_who_owes_nothing_comes_in_all_the_same(autojump_clock, monkeypatch):
    monkeypatch.setattr(login_gate, "WAITING", 2)
    gate = LoginGate()
    for number in range(3):
        await fail(gate, FREE, address=f"192.0.2.{number}")
    async with trio.open_nursery() as nursery:
        for number in range(2):
            nursery.start_soon(took, gate, "bob", f"192.0.2.{number}")
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(ThrottledError):
            await took(gate, address="192.0.2.2")
        assert await took(gate, address=THERE) == 0


async def test_cancelled_attempts_leave_nothing_behind(autojump_clock):
    gate = LoginGate()
    await fail(gate, FREE + 3)
    with trio.move_on_after(0.1):
        await took(gate)
    assert not gate._under_way
    assert gate._slow_lanes.waiting == 0
    assert not gate._slow_lanes._lanes


# --- those who owe a pause, and everybody else ---

CROWD = 600


async def crowd(
    gate: LoginGate, name: Callable[[int], str], address: Callable[[int], str], seconds: float
) -> None:
    """So many guess at once, again and again, and each answer takes its time."""

    async def guess(number: int) -> None:
        while True:
            with contextlib.suppress(ThrottledError):
                async with gate.attempt(name(number), address(number)):
                    await trio.sleep(seconds)
            await trio.sleep(2)

    async with trio.open_nursery() as nursery:
        for number in range(CROWD):
            nursery.start_soon(guess, number)


CROWDS = {
    "one name from one address": (lambda n: "bob", lambda n: HERE),
    "many names from one address": (lambda n: f"user{n}", lambda n: HERE),
    "many names from one /64": (lambda n: f"user{n}", lambda n: f"2001:db8:0:1::{n:x}"),
    "one name from one /64": (lambda n: "bob", lambda n: f"2001:db8:0:1:{n:x}::1"),
    "from an address with other ports": (lambda n: f"user{n}", lambda n: f"{HERE}:{n}"),
    "from an address in IPv6": (lambda n: f"user{n}", lambda n: f"::ffff:{HERE}" if n % 2 else HERE),
    "one name from many addresses": (lambda n: "bob", lambda n: f"198.18.{n // 200}.{n % 200}"),
}


@pytest.mark.parametrize("seconds", [0.0, 2.0])
@pytest.mark.parametrize("which", CROWDS)
async def test_who_owes_no_pause_waits_for_nobody_elsewhere(autojump_clock, which, seconds):
    gate = LoginGate()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(crowd, gate, *CROWDS[which], seconds)
        for moment in range(20):
            await trio.sleep(1)
            assert await took(gate, f"victim{moment}", THERE, well=True) == 0
            assert await took(gate, "bob", f"2001:db8:0:2::{moment:x}", well=True) == 0
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("which", [name for name in CROWDS if "one /64" in name or "one address" in name])
async def test_one_place_is_asked_about_little_and_waits_in_its_own_room(autojump_clock, which):
    gate = LoginGate()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(crowd, gate, *CROWDS[which], 2.0)
        for _ in range(40):
            await trio.sleep(0.5)
            assert gate._slow_lanes.waiting <= login_gate.WAITING_OF_PLACE
            assert (
                sum(lane.places.borrowed_tokens for lane in gate._lanes._lanes.values()) <= login_gate.AT_ONCE
            )
        asked = sum(lane.places.borrowed_tokens for lane in gate._slow_lanes._lanes.values())
        assert asked <= login_gate.AT_ONCE_AFTER_A_PAUSE
        assert len(gate._slow_lanes._lanes) == 1
        nursery.cancel_scope.cancel()


async def test_who_owes_none_waits_for_no_namesake_of_theirs_who_does(autojump_clock):
    """In the very place where somebody guesses at one name."""
    gate = LoginGate()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(crowd, gate, lambda n: "bob", lambda n: HERE, 2.0)
        for moment in range(20):
            await trio.sleep(1)
            assert await took(gate, f"other{moment}", HERE, well=True) == 0
        nursery.cancel_scope.cancel()


async def test_a_class_that_comes_at_once_is_let_in(autojump_clock):
    gate = LoginGate()
    let_in = []

    async def student(number: int) -> None:
        async with gate.attempt(f"student{number}", HERE) as attempt:
            await trio.sleep(0.1)
            attempt.succeeded()
        let_in.append(number)

    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        for number in range(400):
            nursery.start_soon(student, number)
    assert len(let_in) == 400
    assert trio.current_time() - began <= 400 / login_gate.AT_ONCE * 0.1 + 0.01


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[::ffff:192.0.2.1]:80", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:DB8:0:0:ffff::1", "2001:db8::/64"),
        ("[2001:db8::1]:443", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        (" 192.0.2.1 ", "192.0.2.1"),
        ("unknown", "unknown"),
        ("", ""),
        ("a:b", "a:b"),
        ("[", "["),
    ],
)
def test_whose_an_address_is(address, network):
    assert network_of(address) == network
