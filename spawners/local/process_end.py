"""Ending processes that need not be children of this one, and knowing that they have ended."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from contextlib import suppress

import trio

from core.errors import UnreachableError
from core.machine.process_identity import Identity, is_alive, open_process
from spawners.local.settings import LocalProcessSettings
from spawners.pauses import pauses
from spawners.process_family import Census, descendants

_CLEANUP_TIMEOUT = 0.1


async def end_server(identity: Identity, settings: LocalProcessSettings) -> tuple[set[Identity], bool]:
    """By SIGINT, SIGTERM and SIGKILL in turn. The descendants it had, and whether it ended in order.

    Raises UnreachableError if it is still there after all that.
    """
    family: set[Identity] = set()
    pidfd = open_process(identity)
    if pidfd is None:
        return family, False
    try:
        for number, timeout in (
            (signal.SIGINT, settings.interrupt_timeout),
            (signal.SIGTERM, settings.term_timeout),
            (signal.SIGKILL, settings.kill_timeout),
        ):
            family |= descendants(identity.pid)
            _send(pidfd, number)
            with trio.move_on_after(timeout):
                await trio.lowlevel.wait_readable(pidfd)
                return family, number != signal.SIGKILL
    finally:
        os.close(pidfd)
    raise UnreachableError(f"Process {identity.pid} does not end, not even by SIGKILL.")


async def end_family(
    spawn_id: str, known: set[Identity], census: Census, settings: LocalProcessSettings
) -> None:
    """End the processes that a server has left behind: those known, and those that carry its mark."""
    gentle = min(settings.term_timeout, settings.kill_timeout)
    for number, timeout in (
        (signal.SIGTERM, gentle),
        (signal.SIGKILL, settings.kill_timeout),
        (signal.SIGKILL, settings.kill_timeout),  # for those born meanwhile
    ):
        left = _living(known | await census.marked(spawn_id))
        if not left:
            return
        await _end_all(left, number, timeout)
    left = _living(known | await census.marked(spawn_id))
    if left:
        raise UnreachableError(f"Processes {sorted(one.pid for one in left)} do not end.")


async def has_left_nothing(family: set[Identity], group: int) -> bool:
    """Whether of a server that has ended in order neither a descendant nor a member of its group lives on."""
    if _living(family):
        return False
    with trio.move_on_after(
        _CLEANUP_TIMEOUT
    ):  # the launcher is in the group until its parent has taken notice
        for pause in pauses():
            try:
                os.killpg(group, 0)
            except ProcessLookupError:
                return True
            except PermissionError:
                return False
            await trio.sleep(pause)
    return False


async def _end_all(processes: set[Identity], number: signal.Signals, timeout: float) -> None:
    """Return when all have ended, or the time is over."""
    pidfds = [pidfd for pidfd in map(open_process, processes) if pidfd is not None]
    try:
        for pidfd in pidfds:
            _send(pidfd, number)
        with trio.move_on_after(timeout):
            for pidfd in pidfds:
                await trio.lowlevel.wait_readable(pidfd)
    finally:
        for pidfd in pidfds:
            os.close(pidfd)


def _living(processes: Iterable[Identity]) -> set[Identity]:
    return set(filter(is_alive, processes))


def _send(pidfd: int, number: signal.Signals) -> None:
    with suppress(
        ProcessLookupError, PermissionError
    ):  # it has ended, or got other rights: that will be told
        signal.pidfd_send_signal(pidfd, number)
