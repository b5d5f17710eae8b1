"""Tables of the documentation that tell of the code: metrics and exit codes."""

from __future__ import annotations

import re
from importlib import import_module

import click
import pytest
from jupyterhub.auth import DummyAuthenticator
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import Client
from tests.docs.blocks import DOCS
from tests.unit.plugins.hub_with import hub_with
from web.cli import COMMANDS
from web.commands.loadtest.measured import Step
from web.commands.loadtest.own_words import OwnWords
from web.commands.loadtest.report import Report
from web.hub.giving_up import LOG_LOST


def rows_of(page: str, first: str) -> list[str]:
    """The lines of tables that begin so."""
    return [line for line in (DOCS / page).read_text().splitlines() if line.startswith(first)]


def row(metric: Metric) -> str:
    labels = {label for sample in metric.samples for label in sample.labels} - {"le"}
    name = f"{metric.name}_total" if metric.type == "counter" else metric.name
    named = ", ".join(f"`{label}`" for label in sorted(labels))
    return f"| `{name}` | {metric.type} | {named} | {metric.documentation} |"


async def test_the_page_of_metrics_has_each_with_its_kind_and_labels() -> None:
    """Of a hub that has a plug-in and a proxy, too."""
    async with hub_with(DummyAuthenticator) as hub, Client(hub, hub.operators.admit("root")) as client:
        await client.get("/users")
        hub.proxies.connect("p", "node1")
        text = (await client.get("/metrics")).text
    families = [one for one in text_string_to_metric_families(text) if not one.name.endswith("_created")]
    ours = sorted(row(one) for one in families if one.name.startswith(("jupyterhub_", "callboard_")))
    assert rows_of("metrics.md", "| `") == ours, "write this into docs/metrics.md:\n" + "\n".join(ours)


def exit_codes() -> set[int]:
    """All that a command can end with: by itself, by an error of its own, by click's."""
    for module in COMMANDS.values():
        import_module(module)
    errors = [click.ClickException, *_derived(click.ClickException)]
    return {0, LOG_LOST} | {
        error.exit_code for error in errors if error.__module__.startswith(("web.", "click."))
    }


def _derived(kind: type[click.ClickException]) -> list[type[click.ClickException]]:
    below = kind.__subclasses__()
    return below + [one for each in below for one in _derived(each)]


def test_the_command_line_has_each_exit_code() -> None:
    told = {
        int(found[1]) for line in rows_of("command-line.md", "| ") if (found := re.match(r"\| (\d) \|", line))
    }
    assert told == exit_codes()


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_line_has_each_command(command: str) -> None:
    assert re.search(rf"callboard {command}\b|`{command}`", (DOCS / "command-line.md").read_text()), command


def test_the_command_line_has_all_that_a_load_test_says_as_json() -> None:
    table = (DOCS / "command-line.md").read_text().partition("| of `--json` |")[2].partition("\n\n")[0]
    told = set(re.findall(r"`(\w+)`", table))
    for struct in (Report, Step, OwnWords):
        assert told >= set(struct.__struct_fields__)
