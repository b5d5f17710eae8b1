"""`make bench`: how fast it is. Each part prints its figures; compare ratios of one run, not numbers of two.

`requests` compares itself with the last recorded run, if that was on this machine.

python -m benchmarks                 all of them
python -m benchmarks appends listing some
HUBBENCH=DIR python -m benchmarks    and the scenarios of hubbench, whose folder that is
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PARTS = ("requests", "appends", "listing", "readers", "ready_servers", "rooms", "spawn_queue", "start_up")
TIMEOUT = 1800  # seconds


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        print(f"There is no benchmark called {unknown[0]}; there are: {', '.join(PARTS)}", file=sys.stderr)
        return 2
    status = 0
    for name in names or PARTS:
        print(f"== {name}", flush=True)
        status |= subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}"], timeout=TIMEOUT, check=False
        ).returncode
    if not names and (folder := os.environ.get("HUBBENCH")):
        print("== hubbench", flush=True)
        status |= run_hubbench(Path(folder))
    return status


def run_hubbench(folder: Path) -> int:
    environment = Path(sys.executable).parent.parent
    command = ["run", str(HERE / "callboard.toml"), "--set", f"callboard={environment}", "--repetitions", "2"]
    work = Path("build/hubbench").absolute()
    work.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "hubbench", *command, "--work", str(work)],
        cwd=folder,
        timeout=TIMEOUT,
        check=False,
    )
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
