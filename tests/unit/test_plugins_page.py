"""docs/plugins.md says which plug-ins are tried: those that are locked for the tests, in the versions there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.plugins.environments import HERE, NAMES, versions

PAGE = Path(__file__).parents[2] / "docs/plugins.md"


def named_in(environment: str) -> set[str]:
    """The plug-ins for which it is there."""
    lines = (HERE / f"{environment}.in").read_text().splitlines()
    return {found[0] for line in lines if (found := re.match(r"[a-z-]+", line)) and found[0] != "setuptools"}


def test_the_table_has_each_plug_in_in_the_version_that_is_tried() -> None:
    locked = {name: version for env in NAMES for name, version in versions(env, *named_in(env)).items()}
    told = dict(re.findall(r"^\| ([a-z-]+) \| ([\d.]+) \|", PAGE.read_text(), re.MULTILINE))
    assert told == locked
