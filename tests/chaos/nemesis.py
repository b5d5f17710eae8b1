"""Injects into a real hub the faults that a schedule names, and takes them back."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from tests.chaos.history import InjectedFault
from tests.chaos.schedule import KILLS, SHIM, Fault, Kind
from tests.chaos.shim import Shim
from tests.integration.hub import Process, RealHub

Undo = Callable[[], object]

HOLD_LOCK = """
import sqlite3, sys, time
log = sqlite3.connect(sys.argv[1], timeout=2, isolation_level=None)
log.execute("BEGIN IMMEDIATE")
time.sleep(600)
"""


class Nemesis:
    """`downtime`: until when the hub is to stay away, on the clock of the run."""

    def __init__(self, hub: RealHub, shim: Shim | None, clock: Callable[[], float]) -> None:
        self.done: list[InjectedFault] = []
        self.downtime = 0.0
        self._hub = hub
        self._shim = shim
        self._clock = clock
        self._begun: dict[Fault, float] = {}
        self._undo: dict[Fault, Undo] = {}

    def begin(self, fault: Fault) -> None:
        """Unless there is nothing to do it to."""
        begun = self._clock()
        undo = self._do(fault)
        if undo is not None:
            self._begun[fault] = begun
            self._undo[fault] = undo
        if fault.kind in KILLS:
            self.end(fault)

    def end(self, fault: Fault) -> None:
        if fault in self._undo:
            self._undo.pop(fault)()
            self.done.append(InjectedFault(self._begun.pop(fault), self._clock(), fault.kind))

    def end_all(self) -> None:
        for fault in list(self._undo):
            self.end(fault)

    def injected(self) -> tuple[InjectedFault, ...]:
        return tuple(sorted(self.done))

    def _do(self, fault: Fault) -> Undo | None:
        """How it is undone; None if there was nothing to do it to."""
        if fault.kind in SHIM:
            return self._under_shim(fault)
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
        }[fault.kind](fault)

    def _under_shim(self, fault: Fault) -> Undo:
        assert self._shim is not None, "a schedule names what can be done here alone"
        self._shim.begin(fault)
        return partial(self._shim.end, fault)

    # --- processes ---

    @property
    def _is_hub_up(self) -> bool:
        return self._hub.process is not None and self._hub.process.poll() is None

    def _kill_hub(self, fault: Fault) -> Undo | None:
        if not self._is_hub_up:
            return None
        self.downtime = max(self.downtime, self._clock() + fault.lasts)
        self._hub.kill()
        return _nothing

    def _kill_proxies(self, _: Fault) -> Undo | None:
        found = self._hub.proxies()
        _signal_all(found, signal.SIGKILL)
        return _nothing if found else None

    def _kill_both(self, fault: Fault) -> Undo | None:
        """Noted for the proxy's sake, too."""
        hub = self._kill_hub(fault)
        return self._kill_proxies(fault) or hub

    def _freeze_hub(self, _: Fault) -> Undo | None:
        process = self._hub.process
        if process is None or process.poll() is not None:
            return None
        process.send_signal(signal.SIGSTOP)
        return partial(process.send_signal, signal.SIGCONT)

    def _freeze_proxies(self, _: Fault) -> Undo | None:
        found = self._hub.proxies()
        _signal_all(found, signal.SIGSTOP)
        return partial(_signal_all, found, signal.SIGCONT) if found else None

    # --- the log's files ---

    def _lock(self, _: Fault) -> Undo:
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLD_LOCK, str(self._hub.database)], stderr=subprocess.DEVNULL
        )

        def release() -> None:
            holder.kill()
            holder.wait()

        return release

    def _move_log(self, _: Fault) -> Undo | None:
        return self._put_aside(self._hub.database)

    def _move_wal(self, _: Fault) -> Undo | None:
        return self._put_aside(self._hub.database.with_name(f"{self._hub.database.name}-wal"))

    def _replace_log(self, _: Fault) -> Undo | None:
        undo = self._put_aside(self._hub.database)
        if undo is not None:
            self._hub.database.write_bytes(b"")
        return undo

    def _put_aside(self, path: Path) -> Undo | None:
        aside = path.with_name(f"aside-{path.name}")
        if not self._is_hub_up or not path.exists():
            return None
        path.rename(aside)
        return partial(aside.replace, path)


def _nothing() -> None:
    """What was killed is started again by others."""


def _signal_all(processes: Sequence[Process], number: int) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)
