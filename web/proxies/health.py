"""Whether a proxy that runs also works: when it counts as hung, and how soon one that ended is replaced."""

from __future__ import annotations

import errno
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import trio
from msgspec import Struct

from core.backoff import Backoff
from core.machine.readiness import get, parse_url

EVERY, TIMEOUT = 5.0, 5.0  # seconds between probes, and for an answer
MISSED, MISSED_AT_FIRST = 3, 12  # probes in a row: of one that was up, of one that is still starting
ON_TIME = (
    1.0  # seconds that the hub, or the proxy, may have had to wait for the machine while a silence counts
)
SOUND = 1.0  # seconds after which a proxy that was up has shown that it can start
RESTART = Backoff(0.1, 5.0, growth=4.0)  # for one that cannot start

_HEALTH = "/_chp_healthz"
_NOWHERE = frozenset((errno.ECONNREFUSED, errno.ENOENT))
_TO_CONNECT = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 -- what it listens on, as told
_TICK = 0.25


class Look(Struct, frozen=True):
    """What one probe found. `answered`: None where nobody could ask. `late`: the most seconds that the hub's own loop
    came late meanwhile. `starved`: the seconds that the proxy was ready to run and was given no CPU.
    """

    answered: bool | None
    late: float = 0.0
    starved: float = 0.0


def missed_in_a_row(missed: int, look: Look) -> int:
    """After this look. A silence while the machine was slow says nothing about the proxy, and the row begins anew."""
    says_something = look.late <= ON_TIME and look.starved <= ON_TIME
    return missed + 1 if look.answered is False and says_something else 0


def failures_in_a_row(failures: int, seconds_up: float) -> int:
    """To start, once a proxy has ended that was up for so long: 0 if it never was."""
    return 0 if seconds_up >= SOUND else failures + 1


def restart_delay(failures: int) -> float:
    return RESTART.after(failures) if failures else 0.0


class LoopClock:
    """How late this event loop comes, while `run` runs."""

    def __init__(self) -> None:
        self._due = trio.current_time() + _TICK
        self._late = 0.0

    async def run(self) -> None:
        while True:
            await trio.sleep_until(self._due)
            now = trio.current_time()
            self._late = max(self._late, now - self._due)
            self._due = now + _TICK

    def take(self) -> float:
        """The most seconds since the last time that this was asked."""
        late, self._late = max(self._late, trio.current_time() - self._due), 0.0
        return late


@asynccontextmanager
async def loop_clock() -> AsyncIterator[LoopClock]:
    clock = LoopClock()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(clock.run)
        yield clock
        nursery.cancel_scope.cancel()


class Watched(Protocol):
    """A proxy's process. `url`: of its health; "" until it is up."""

    @property
    def pid(self) -> int: ...

    @property
    def url(self) -> str: ...


async def wait_hung(proxy: Watched, every: float) -> None:
    """Return once it has been silent for so long that it will never answer. `every`: seconds between looks."""
    missed = 0
    async with loop_clock() as clock:
        while missed < (MISSED if proxy.url else MISSED_AT_FIRST):
            missed = missed_in_a_row(missed, await _look(proxy, clock, every))


async def _look(proxy: Watched, clock: LoopClock, every: float) -> Look:
    """Takes `every` seconds, or as long as the answer takes."""
    began, starved = trio.current_time(), waited_for_cpu(proxy.pid)
    clock.take()
    answered = await answers(proxy.url) if proxy.url else False
    await trio.sleep_until(began + every)
    return Look(answered, clock.take(), waited_for_cpu(proxy.pid) - starved)


async def answers(url: str) -> bool | None:
    """Whether anything is answered there in time; None where the asking itself went wrong."""
    with trio.move_on_after(TIMEOUT):
        try:
            await get(parse_url(url), ssl_context=unverified())
        except ConnectionError as error:
            reason = error.__cause__
            return False if isinstance(reason, OSError) and reason.errno in _NOWHERE else None
        return True
    return False


def health_url(address: str, *, tls: bool) -> str:
    """`address`: as a proxy tells in its pid file: `127.0.0.1:8000`, `[::]:8000` or a path."""
    if "/" in address:
        return f"http+unix://{quote(address, safe='')}{_HEALTH}"
    host, _, port = address.rpartition(":")
    return f"{'https' if tls else 'http'}://{_TO_CONNECT.get(host, host)}:{port}{_HEALTH}"


def unverified() -> ssl.SSLContext:
    """The certificate is for the public name, and nothing is told or believed here but that there is an answer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def waited_for_cpu(pid: int) -> float:
    """Seconds in its life that a process was ready to run and others ran; 0 where the kernel does not tell."""
    try:
        _, waited, *_ = Path(f"/proc/{pid}/schedstat").read_text().split()
        return int(waited) / 1e9
    except (OSError, ValueError):
        return 0.0
