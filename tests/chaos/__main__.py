"""`python -m tests.chaos`: one run, with what was wrong with it. `make chaos` calls it."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.chaos.run import run_seed
from tests.chaos.schedule import Kind


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--seconds", type=float, default=120.0, help="for how long there are faults")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument(
        "--only", choices=[kind.name for kind in Kind], nargs="*", help="faults of these kinds alone"
    )
    parser.add_argument("--keep", type=Path, default=None, help="where the hub's files are to stay")
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(2**32) if given.seed is None else given.seed
    kinds = [Kind[name] for name in given.only] if given.only else list(Kind)
    with tempfile.TemporaryDirectory(prefix="chaos-") as temporary:
        wrong = run_seed(given.keep or Path(temporary), seed, given.seconds, kinds)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
