"""A run with a seed: says what it does, and what was wrong."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.checker import violations
from tests.chaos.history import History, Operation
from tests.chaos.runner import Runner
from tests.chaos.schedule import SHIM, Fault, Kind, plan
from tests.chaos.shim import NoCompilerError, Shim


def run_seed(directory: Path, seed: int, seconds: float, kinds: Sequence[Kind] = tuple(Kind)) -> list[str]:
    """All that was wrong after what this seed stands for."""
    return run(directory, seed, plan(seed, seconds, kinds))


def run(directory: Path, seed: int, faults: Sequence[Fault]) -> list[str]:
    """All that was wrong. What is left of the hub is in `directory`. `seed`: what the clients do."""
    shim = make_shim(directory / "shim")
    possible = [fault for fault in faults if shim or fault.kind not in SHIM]
    say(f"chaos: seed {seed}, {len(possible)} faults planned")
    history = Runner(directory / "hub", seed, shim).run(possible)
    wrong = violations(history)
    say("\n".join((summary(history), *(f"  {one}" for one in wrong))))
    if wrong:
        say(explanation(possible, history))
    return wrong


def make_shim(directory: Path) -> Shim | None:
    """None where it cannot be built, which is said."""
    try:
        return Shim(directory)
    except NoCompilerError as error:
        say(f"chaos: {error}")
        return None


def summary(history: History) -> str:
    outcomes = Counter(one.outcome.value for one in history.operations if isinstance(one, Operation))
    counted = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    return (
        f"chaos: {counted}; {len(history.sockets)} WebSockets, {len(history.faults)} faults, "
        f"{len(history.hub_processes)} processes of the hub"
    )


def explanation(faults: Sequence[Fault], history: History) -> str:
    """What was done, for whoever looks for the cause."""
    planned = (f"  {as_source(fault)}," for fault in faults)
    done = (f"  {one}" for one in (*history.faults, *history.hub_processes))
    return "\n".join((*planned, *done))


def as_source(fault: Fault) -> str:
    """As it stands in kept.py."""
    return f"Fault({fault.at:g}, Kind.{fault.kind.name}, {fault.lasts:g}, {fault.amount})"


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
