"""The last recorded run, and the machine it is of: figures of two machines say nothing beside each other."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path

RECORDED = Path(__file__).parent / "recorded.json"


def machine() -> dict[str, str | int]:
    """What figures depend on. The name of the machine is not among it."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def compared(figures: Mapping[str, float], recorded: Path = RECORDED) -> Iterator[str]:
    """A line for each figure, with the ratio to the recorded one, if that is of this machine."""
    before = _figures_of_this_machine(recorded)
    if before is None:
        yield f"not compared: {recorded.name} is of another machine, or there is none (--record makes it this one's)"
    for name, figure in figures.items():
        old = (before or {}).get(name)
        ratio = f"  x {figure / old:.2f} of the recorded" if old else ""
        yield f"{name:40} {figure:8.0f} us{ratio}"


def record(figures: Mapping[str, float], recorded: Path = RECORDED) -> None:
    run = {"machine": machine(), "figures": {name: round(figure, 1) for name, figure in figures.items()}}
    recorded.write_text(json.dumps(run, indent=1) + "\n")


def _figures_of_this_machine(recorded: Path) -> dict[str, float] | None:
    if not recorded.exists():
        return None
    run = json.loads(recorded.read_text())
    return run["figures"] if run["machine"] == machine() else None


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
