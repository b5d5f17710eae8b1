"""Short runs: with a seed that nobody has tried, and with those that once found a fault of the hub's."""

from __future__ import annotations

import random
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.chaos.run import run_seed

SECONDS = 15.0


class Kept(NamedTuple):
    seed: int
    seconds: float


def kept() -> list[Kept]:
    lines = Path(__file__).with_name("kept_seeds.txt").read_text().splitlines()
    words = [line.split() for line in lines if not line.startswith("#")]
    return [Kept(int(seed), float(seconds)) for seed, seconds, *_ in words]


RUNS = [Kept(random.SystemRandom().randrange(2**32), SECONDS), *kept()]


@pytest.mark.slow
@pytest.mark.flaky(reruns=0)  # what is found once in a while is what is looked for
@pytest.mark.parametrize("number", range(len(RUNS)), ids=["a fresh seed", *(str(one.seed) for one in kept())])
def test_nothing_is_wrong_whatever_is_done_to_a_hub(number: int, tmp_path: Path) -> None:
    """Its output names the seed: `make chaos SEED=...` repeats it."""
    seed, seconds = RUNS[number]
    wrong = run_seed(tmp_path, seed, seconds)
    assert wrong == [], f"seed {seed}, {seconds:g} s"
