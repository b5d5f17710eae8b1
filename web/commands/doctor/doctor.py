"""`callboard doctor`: looks at all that a hub needs, and starts nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from web.commands.doctor.finding import Finding, ok, problem, warning
from web.commands.where import config_option

SIGNS = {"ok": ("ok", "green"), "warning": ("!", "yellow"), "problem": ("BAD", "red")}


@click.command(short_help="Look at what a hub needs of this machine.")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(files: tuple[Path, ...], as_json: bool) -> None:
    """Look at what a hub needs here: machine, log, disk, clock, secret, ports, https, proxy, logins, servers.

    Nothing is started or changed. The exit code is 1 where something keeps a hub from running. What the configuration
    itself says is told by `callboard check`.

    \b
    callboard doctor
    callboard doctor -f /etc/jupyterhub_config.py
    """
    found = []
    for one in _look(files):
        found.append(one)
        if not as_json:
            click.echo(_line(one))
    if as_json:
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    if any(one.state == "problem" for one in found):
        raise SystemExit(1)


def _look(files: tuple[Path, ...]) -> Iterator[Finding]:
    from core.settings import ConfigError
    from spawners.configuration import load_settings
    from web.commands.doctor import log, machine, network, people, proxy, servers

    yield from machine.look_at_machine()
    yield from machine.look_at_packages()
    try:
        settings, notes = load_settings(files, [])
    except ConfigError as error:
        yield problem("configuration", str(error))
        return
    is_running = log.runs_already(settings)
    yield _configuration(files, is_running=is_running)
    if notes:
        yield warning(
            "configuration", f"{len(notes)} options do not act.", "callboard check says which, and why."
        )
    yield from log.look_at_log(settings)
    yield from log.look_at_secret(settings)
    yield from network.look_at_ports(settings, is_running=is_running)
    yield from network.look_at_certificate(settings)
    yield from proxy.look_at_proxy(settings)
    yield from people.look_at_logins(settings)
    yield from servers.look_at_servers(settings)


def _configuration(files: tuple[Path, ...], *, is_running: bool) -> Finding:
    """Which one is looked at: a hub at work may have another than a doctor who was told of none."""
    from core.config.file import DEFAULT_FILES

    if named := files or [file for file in DEFAULT_FILES if file.is_file()]:
        return ok("configuration", ", ".join(map(str, named)))
    if is_running:
        return warning(
            "configuration",
            "The hub that runs here has been given one that is not in this directory.",
            "What follows is about a hub without any: name it with -f.",
        )
    return ok("configuration", "There is none, in this directory or named with -f.")


def _line(one: Finding) -> str:
    sign, colour = SIGNS[one.state]
    hint = f"\n{'':<21}{one.hint}" if one.hint else ""
    return f"{click.style(f'{sign:<5}', fg=colour)}{one.area:<16}{one.text}{hint}"
