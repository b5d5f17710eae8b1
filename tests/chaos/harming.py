"""Does to a real hub what a schedule says, and undoes it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.chaos.history import Done
from tests.chaos.schedule import AWAY, SHIM, Harm, Kind
from tests.chaos.shim import Shim
from tests.integration.hub import Process, RealHub

HOLD_LOCK = """
import sqlite3, sys, time
log = sqlite3.connect(sys.argv[1], timeout=2, isolation_level=None)
log.execute("BEGIN IMMEDIATE")
time.sleep(600)
"""


class Harming:
    """`downtime`: until when the hub is to stay away, on the clock of the run."""

    def __init__(self, hub: RealHub, shim: Shim | None, clock: Callable[[], float]) -> None:
        self.done: list[Done] = []
        self.downtime = 0.0
        self._hub = hub
        self._shim = shim
        self._clock = clock
        self._begun: dict[Harm, float] = {}
        self._undo: dict[Harm, Callable[[], None]] = {}

    def begin(self, harm: Harm) -> None:
        """Unless there is nothing to do it to."""
        undo = self._do(harm)
        if undo is not None:
            self._begun[harm] = self._clock() - 0.02  # the harm was done before it could be noted
            self._undo[harm] = undo

    def end(self, harm: Harm) -> None:
        if harm in self._undo:
            self._undo.pop(harm)()
            self.done.append(Done(self._begun.pop(harm), self._clock(), harm.kind))

    def end_all(self) -> None:
        for harm in list(self._undo):
            self.end(harm)

    def all_done(self) -> tuple[Done, ...]:
        return tuple(sorted(self.done))

    @property
    def is_log_away(self) -> bool:
        return any(harm.kind in AWAY for harm in self._undo)

    def _do(self, harm: Harm) -> Callable[[], None] | None:
        """How it is undone; None if there was nothing to do it to."""
        if harm.kind in SHIM:
            return self._under_shim(harm)
        return {
            Kind.KILL_HUB: self._kill_hub,
            Kind.KILL_PROXY: self._kill_proxies,
            Kind.KILL_BOTH: self._kill_both,
            Kind.FREEZE_HUB: self._freeze_hub,
            Kind.FREEZE_PROXY: self._freeze_proxies,
            Kind.LOCK: self._lock,
            Kind.MOVE_LOG: self._move_log,
            Kind.MOVE_WAL: self._move_wal,
            Kind.REPLACE_LOG: self._replace_log,
        }[harm.kind](harm)

    def _under_shim(self, harm: Harm) -> Callable[[], None]:
        assert self._shim is not None, "a schedule names what can be done here alone"
        shim = self._shim
        shim.begin(harm)
        return lambda: shim.end(harm)

    # --- processes ---

    @property
    def _is_hub_up(self) -> bool:
        return self._hub.process is not None and self._hub.process.poll() is None

    def _kill_hub(self, harm: Harm) -> Callable[[], None] | None:
        if not self._is_hub_up:
            return None
        self.downtime = max(self.downtime, self._clock() + harm.lasts)
        self._hub.kill()
        return _nothing

    def _kill_proxies(self, _: Harm) -> Callable[[], None] | None:
        found = self._hub.proxies()
        for proxy in found:
            _signal(proxy, signal.SIGKILL)
        return _nothing if found else None

    def _kill_both(self, harm: Harm) -> Callable[[], None] | None:
        """Noted for the proxy's sake, too."""
        hub = self._kill_hub(harm)
        return self._kill_proxies(harm) or hub

    def _freeze_hub(self, _: Harm) -> Callable[[], None] | None:
        process = self._hub.process
        if process is None or process.poll() is not None:
            return None
        process.send_signal(signal.SIGSTOP)
        return lambda: process.send_signal(signal.SIGCONT)

    def _freeze_proxies(self, _: Harm) -> Callable[[], None] | None:
        found = self._hub.proxies()
        for proxy in found:
            _signal(proxy, signal.SIGSTOP)
        return (lambda: [_signal(proxy, signal.SIGCONT) for proxy in found] and None) if found else None

    # --- the log's files ---

    def _lock(self, _: Harm) -> Callable[[], None]:
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLD_LOCK, str(self._hub.database)], stderr=subprocess.DEVNULL
        )

        def release() -> None:
            holder.kill()
            holder.wait()

        return release

    def _move_log(self, _: Harm) -> Callable[[], None] | None:
        return self._put_aside(self._hub.database)

    def _move_wal(self, _: Harm) -> Callable[[], None] | None:
        return self._put_aside(self._hub.database.with_name(f"{self._hub.database.name}-wal"))

    def _replace_log(self, _: Harm) -> Callable[[], None] | None:
        undo = self._put_aside(self._hub.database)
        if undo is not None:
            self._hub.database.write_bytes(b"")
        return undo

    def _put_aside(self, path: Path) -> Callable[[], None] | None:
        aside = path.with_name(f"aside-{path.name}")
        if not self._is_hub_up or not path.exists():
            return None
        path.rename(aside)
        return lambda: aside.replace(path) and None


def _nothing() -> None:
    """What was killed is started again by others."""


def _signal(process: Process, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, OSError):
        os.kill(process.pid, number)
