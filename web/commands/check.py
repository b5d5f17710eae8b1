"""`callboard check`: what a configuration amounts to here, before any hub runs with it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from web.commands.run import overrides
from web.commands.where import config_option

if TYPE_CHECKING:
    from core.config.checking.findings import Finding, Report

WIDEST = 48  # characters of a name; longer ones push the rest of their line to the right


@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.argument("words", nargs=-1, metavar="[FILE]...")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Say it as a JSON object.")
@click.option("--strict", is_flag=True, help="Exit 1 also for what is unknown, or does not act yet.")
def check(words: tuple[str, ...], files: tuple[Path, ...], as_json: bool, strict: bool) -> None:
    """Say what a configuration amounts to: run this first.

    Of every class, option and hook that FILEs name (a folder stands for the .py and .toml files in it; without any,
    jupyterhub_config.py and callboard.toml of this directory): whether it acts, acts by the adapter for classes of
    JupyterHub's kind, is ignored and why, or is unknown; and what is missing: packages, keys, files. What a hub takes
    as --Class.trait=value is taken here too.

    Files in Python are run, as a hub would run them. Nothing else is: no hub, no server, and nothing is written.

    The exit code is 0 if a hub would start with it, else 1.

    \b
    callboard check jupyterhub_config.py
    callboard check --strict --json /etc/callboard/ | jq .findings
    """
    named = [Path(word) for word in words if not word.startswith("-")]
    report = _report([*files, *named], list(overrides([word for word in words if word.startswith("-")])))
    click.echo(_as_json(report) if as_json else "\n".join(_as_text(report)))
    sys.exit(0 if (report.is_whole if strict else report.starts) else 1)


def _report(files: list[Path], overrides: list[str]) -> Report:
    from spawners.configuration import checked
    from web.process.needs import what_is_missing

    report, settings = checked(files, overrides)
    return report if settings is None else report.with_more(what_is_missing(settings, os.environ))


# --- for people ---


def _as_text(report: Report) -> Iterator[str]:
    from core.config.checking.findings import MEANING, VERDICTS

    for verdict in VERDICTS:
        if found := report.of(verdict):
            yield f"{verdict} ({MEANING[verdict]})" if verdict != MEANING[verdict] else verdict
            yield from _lines(found)
            yield ""
    for trouble in report.trouble:
        yield f"trouble: {trouble}"
    yield _summary(report)


def _lines(found: list[Finding]) -> Iterator[str]:
    name = min(WIDEST, max(len(one.name) for one in found))
    text = min(WIDEST, max(len(one.text) for one in found))
    for one in found:
        yield f"  {one.name:{name}}  {one.text:{text}}  {one.where}".rstrip()


def _summary(report: Report) -> str:
    from core.config.checking.findings import VERDICTS

    counted = ", ".join(f"{len(found)} {verdict}" for verdict in VERDICTS if (found := report.of(verdict)))
    would = "A hub would start with this." if report.starts else "A hub would not start with this."
    return f"{counted or 'nothing is set'}. {would}"


# --- for programs ---


def _as_json(report: Report) -> str:
    from msgspec import to_builtins

    return json.dumps({"starts": report.starts, "is_whole": report.is_whole, **to_builtins(report)}, indent=2)
