"""What people are asked before a start in a cluster."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from core.settings import Settings
from spawners.slurm.form import Amount, form_of
from spawners.slurm.nodes import Free
from spawners.slurm.settings import SlurmSettings
from tests.conftest import hub_in_memory, settings_for_tests
from tests.unit.spawners.slurm.test_settings import BOUNDED
from tests.unit.web.pages.browser import Browser


@pytest.mark.parametrize(
    ("free", "words"),
    [
        (Free(), "takes no jobs now"),
        (Free(2, 0, 0), "0 CPUs free now"),
        (Free(1, 1, 0), "1 CPU free now"),
        (Free(3, 12, 2), "12 CPUs and 2 GPUs free now"),
    ],
)
def test_what_is_free_is_told_in_words(free: Free, words: str) -> None:
    assert free.told == words


def test_whatever_a_partition_is_called_it_is_text() -> None:
    html = form_of(["<b>", '"x"'], [Amount("cpus", "CPUs", "<1>", '"2"')], {"<b>": "<i>"})
    assert not re.search(r"<[bi]>|<1>", html)
    assert 'value="&#34;x&#34;"' in html


def test_who_has_nothing_to_choose_is_asked_nothing() -> None:
    assert SlurmSettings(req_partition="main").form == ""
    assert SlurmSettings(req_partition="main", partitions=["main"]).form == ""
    assert SlurmSettings(options_form="<p>mine</p>", partitions=["a", "b"]).form == "<p>mine</p>"


async def test_the_page_asks_for_partitions_with_what_is_free(autojump_clock: object) -> None:
    settings: Settings = replace(settings_for_tests(), spawner=BOUNDED)
    async with hub_in_memory(settings) as hub, Browser(hub) as browser:
        await browser.log_in("alice")
        hub.spawner.main.spawner.free_now = lambda: {"gpu": "3 CPUs free now"}  # type: ignore[attr-defined]
        html = (await browser.get("/hub/spawn")).text
        assert re.findall(r'<option value="(\w+)">([^<]+)<', html) == [
            ("main", "main"),
            ("gpu", "gpu (3 CPUs free now)"),
            ("long", "long"),
        ]
        assert re.findall(r'name="(\w+)" id', html) == ["partition", "runtime", "memory", "cpus", "gpus"]
        assert "at most 8:00:00" in html
