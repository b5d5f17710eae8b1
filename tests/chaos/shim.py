"""The shim that is preloaded into a hub (shim.c), and the small file by which it is told what shall fail."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

from tests.chaos.schedule import Fault, Kind

SOURCE = Path(__file__).with_name("shim.c")
LAYOUT = struct.Struct("=4iq")  # struct control
FIELDS = (Kind.FAILING_SYNCS, Kind.FAILING_WRITES, Kind.FAILING_READS, Kind.FULL_DISK, Kind.CLOCK)


class NoCompilerError(Exception):
    def __init__(self) -> None:
        super().__init__("there is no C compiler (cc) here: failing disks and clocks that jump are left out")


class Shim:
    """Built in `directory`. Raises NoCompilerError."""

    def __init__(self, directory: Path) -> None:
        compiler = shutil.which("cc")
        if compiler is None:
            raise NoCompilerError
        directory.mkdir(parents=True, exist_ok=True)
        self._library = directory / "shim.so"
        self._control = directory / "control"
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", self._library, SOURCE, "-ldl"], check=True)
        self._now: dict[Kind, int] = dict.fromkeys(FIELDS, 0)
        self._control.write_bytes(LAYOUT.pack(*self._now.values()))

    @property
    def environment(self) -> dict[str, str]:
        """For a process that is to be under it."""
        return {"LD_PRELOAD": str(self._library), "CHAOS_CONTROL": str(self._control)}

    def begin(self, fault: Fault) -> None:
        self._set(fault.kind, fault.amount)

    def end(self, fault: Fault) -> None:
        self._set(fault.kind, 0)

    def _set(self, kind: Kind, amount: int) -> None:
        """In place: whoever is under it has the file mapped."""
        self._now[kind] = amount
        with self._control.open("r+b") as file:
            file.write(LAYOUT.pack(*self._now.values()))
