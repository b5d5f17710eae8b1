"""Short runs: with a seed that nobody has tried, and with those that once found a fault of the hub's."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.chaos.run import run_seed
from tests.chaos.schedule import Kind

SECONDS = 15.0


class Run(NamedTuple):
    seed: int
    seconds: float
    kinds: Sequence[Kind] = tuple(Kind)


def kept() -> list[Run]:
    lines = Path(__file__).with_name("kept_seeds.txt").read_text().splitlines()
    words = [line.split() for line in lines if not line.startswith("#")]
    return [
        Run(int(seed), float(seconds), [Kind[name] for name in kinds.split(",")])
        for seed, seconds, kinds, *_ in words
    ]


RUNS = [Run(random.SystemRandom().randrange(2**32), SECONDS), *kept()]


@pytest.mark.slow
@pytest.mark.flaky(reruns=0)  # what is found once in a while is what is looked for
@pytest.mark.parametrize("number", range(len(RUNS)), ids=["a fresh seed", *(str(one.seed) for one in kept())])
def test_nothing_is_wrong_whatever_is_done_to_a_hub(
    number: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The seed is printed in any case: `make chaos SEED=...` repeats it."""
    with capsys.disabled():
        wrong = run_seed(tmp_path, *RUNS[number])
    assert wrong == [], RUNS[number]
