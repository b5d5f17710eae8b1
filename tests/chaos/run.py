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
    """All that was wrong. What a run with this seed has done, and left of its hub, is in `directory`."""
    shim, possible = prepare(directory, kinds)
    faults = plan(seed, seconds, possible)
    say(f"chaos: seed {seed}, {seconds:g} s, {len(faults)} faults planned")
    history = Runner(directory / "hub", seed, shim).run(faults)
    wrong = violations(history)
    say(summary(history))
    for one in wrong:
        say(f"  {one}")
    if wrong:
        say(explanation(faults, history))
    return wrong


def prepare(directory: Path, kinds: Sequence[Kind]) -> tuple[Shim | None, list[Kind]]:
    """The shim, and what can be done with it; without one where it cannot be built, and says so."""
    try:
        return Shim(directory / "shim"), list(kinds)
    except NoCompilerError as error:
        say(f"chaos: {error}")
        return None, [kind for kind in kinds if kind not in SHIM]


def summary(history: History) -> str:
    outcomes = Counter(one.outcome.value for one in history.operations if isinstance(one, Operation))
    counted = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    return (
        f"chaos: {counted}; {len(history.sockets)} WebSockets, {len(history.faults)} faults, "
        f"{len(history.hub_processes)} processes of the hub"
    )


def explanation(faults: Sequence[Fault], history: History) -> str:
    """What was done, for whoever looks for the cause."""
    planned = [f"  planned {fault}" for fault in faults]
    done = [f"  {one}" for one in (*history.faults, *history.hub_processes)]
    return "\n".join((*planned, *done))


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
