"""Who fails waits: themselves, and nobody else. On the virtual clock."""

from __future__ import annotations

import contextlib

import trio

from core.actors import login_gate
from core.actors.login_gate import FREE, FREE_FROM_ADDRESS, REMEMBERED, LoginGate
from core.errors import ThrottledError

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
    for number in range(FREE_FROM_ADDRESS):
        assert await took(gate, name=f"user{number}") == 0
    assert await took(gate, name="another") == login_gate.PAUSE_FROM_ADDRESS
    assert await took(gate, name="another", address=THERE) == 0


async def test_only_so_many_wait_and_only_so_many_are_remembered(autojump_clock, monkeypatch):
    monkeypatch.setattr(login_gate, "WAITING", 2)
    monkeypatch.setattr(login_gate, "REMEMBERED", 10)
    gate = LoginGate()
    for number in range(50):
        await fail(gate, name=f"user{number}", address=f"192.0.2.{number}")
    assert len(gate._failures) == 10
    assert REMEMBERED == 10_000
    assert not gate._under_way


async def test_cancelled_attempts_leave_nothing_behind(autojump_clock):
    gate = LoginGate()
    await fail(gate, FREE + 3)
    with trio.move_on_after(0.1):
        await took(gate)
    assert not gate._under_way
    assert gate._waiting == 0
