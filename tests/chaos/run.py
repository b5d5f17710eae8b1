"""A run with a seed: says what it does, and what was wrong."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.history import Act, History
from tests.chaos.playing import Play
from tests.chaos.rules import faults
from tests.chaos.schedule import SHIM, Harm, Kind, plan
from tests.chaos.shim import NoCompilerError, Shim


def play(directory: Path, seed: int, seconds: float, kinds: Sequence[Kind] = tuple(Kind)) -> list[str]:
    """All that was wrong. What a run with this seed has done, and left of its hub, is in `directory`."""
    shim, possible = prepare(directory, kinds)
    harms = plan(seed, seconds, possible)
    say(f"chaos: seed {seed}, {seconds:g} s, {len(harms)} harms")
    history = Play(directory / "hub", seed, shim).run(harms)
    wrong = faults(history)
    say(summary(history))
    for one in wrong:
        say(f"  {one}")
    if wrong:
        say(told(harms, history))
    return wrong


def prepare(directory: Path, kinds: Sequence[Kind]) -> tuple[Shim | None, list[Kind]]:
    """The shim, and what can be done with it; without one where it cannot be built, and says so."""
    try:
        return Shim(directory / "shim"), list(kinds)
    except NoCompilerError as error:
        say(f"chaos: {error}")
        return None, [kind for kind in kinds if kind not in SHIM]


def summary(history: History) -> str:
    acts = Counter(act.outcome.value for act in history.acts if isinstance(act, Act))
    counted = ", ".join(f"{count} {outcome}" for outcome, count in sorted(acts.items()))
    return (
        f"chaos: {counted}; {len(history.sockets)} WebSockets, {len(history.harms)} harms done, "
        f"{len(history.lives)} lives of the hub"
    )


def told(harms: Sequence[Harm], history: History) -> str:
    """What was done, for whoever looks for the cause."""
    planned = [f"  planned {harm}" for harm in harms]
    done = [f"  {one}" for one in (*history.harms, *history.lives)]
    return "\n".join((*planned, *done))


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
