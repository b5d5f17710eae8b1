"""What a load test found, for a terminal and as JSON."""

from __future__ import annotations

import re

import click
from msgspec import Struct

from web.commands.asking.table import print_table
from web.commands.loadtest.measured import Step
from web.commands.loadtest.own_words import OwnWords

SHOWN = 10  # reasons, the most frequent


class Report(Struct, frozen=True):
    """`reasons`: what was refused or went wrong, in which step, and how often. `seconds`: how long it took in all.

    `hub`: its own words; None where it would not say. `left`: people whom it did not take away again.
    """

    hub_version: str
    pattern: str
    users: int
    seconds: float
    steps: list[Step]
    reasons: dict[str, int]
    hub: OwnWords | None
    left: list[str] = []

    @property
    def failed(self) -> int:
        return sum(step.failed for step in self.steps)


def print_report(report: Report) -> None:
    click.echo(f"{report.users} people, {report.pattern}, in {report.seconds:.0f} s; {report.hub_version}\n")
    columns = ("", "done", "refused", "failed", "median", "95%", "99%", "longest")
    print_table(columns, [_row(step) for step in report.steps])
    _print_reasons(report.reasons)
    _print_own_words(report.hub)


def _row(step: Step) -> tuple[str, ...]:
    counts = (str(step.done), str(step.refused), str(step.failed))
    return step.name, *counts, *map(_duration, (step.median, step.p95, step.p99, step.longest))


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _print_reasons(reasons: dict[str, int]) -> None:
    if not reasons:
        return
    click.echo("\nrefused and failed")
    shown = list(reasons.items())[:SHOWN]
    for reason, count in shown:
        click.echo(f"  {count:>6} x {reason}")
    if len(reasons) > len(shown):
        click.echo(f"  and {len(reasons) - len(shown)} other reasons")


def _print_own_words(said: OwnWords | None) -> None:
    click.echo("\nthe hub's own metrics")
    if said is None:
        click.echo("  it did not show them: it has to be there, and the token to have the scope read:metrics")
        return
    if said.cpu is not None:
        click.echo(f"  CPU     {said.cpu:.1f} s")
    if said.memory is not None:
        click.echo(f"  memory  {said.memory / 2**20:.0f} MiB at the end")
    for status, count in sorted(_starts(said.grown).items()):
        click.echo(f"  starts  {count:.0f} {status}")
    if events := sum(by for name, by in said.grown.items() if name.startswith(EVENTS)):
        click.echo(f"  events  {events:.0f}")


EVENTS = "callboard_events_recorded_total"
STARTS = "jupyterhub_server_spawn_duration_seconds_count"


def _starts(grown: dict[str, float]) -> dict[str, float]:
    """By what became of them, as both hubs call it."""
    found: dict[str, float] = {}
    for name, by in grown.items():
        if name.startswith(STARTS) and (status := re.search(r'status="([^"]*)"', name)):
            found[status[1]] = found.get(status[1], 0) + by
    return found
