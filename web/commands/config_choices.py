"""Choices of the command line about the configuration itself: to show it, or to write one; then no hub runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import click

from core.settings import ConfigError


def config_choices(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options. `command` is called as ever with the rest, if none of them is chosen."""

    @click.option("--show-config", is_flag=True, help="Print what differs from the defaults, secrets hidden.")
    @click.option("--show-config-json", is_flag=True, help="The same as JSON.")
    @click.option(
        "--generate-config",
        is_flag=True,
        help="Write a file with every option, its meaning and its default; with --JupyterHub.spawner_class=... or "
        "authenticator_class=... of JupyterHub's kind with those of the class, too.",
    )
    @click.option("-y", "--answer-yes", "yes", is_flag=False, flag_value="True", default="", hidden=True)
    @wraps(command)
    def chosen(
        ctx: click.Context,
        files: tuple[Path, ...],
        show_config: bool,
        show_config_json: bool,
        generate_config: bool,
        yes: str,
        **options: Any,
    ) -> Any:
        try:
            if generate_config:
                is_sure = yes.lstrip("=").lower() in ("true", "1", "yes")
                return generate(files[0] if files else None, ctx.args, yes=is_sure)
            if show_config or show_config_json:
                return show(files, ctx.args, as_json=show_config_json)
        except ConfigError as error:
            raise click.ClickException(str(error)) from error
        return command(ctx, files=files, **options)

    return chosen


def show(files: Sequence[Path], overrides: Sequence[str], *, as_json: bool) -> None:
    from core.config.desired import desired_state
    from core.config.notes import table
    from spawners.configuration import as_text, differing, load_settings

    settings, notes = load_settings(files, overrides)
    desired_state(settings)  # what it says of roles, scopes and names is as wrong here as at a start
    if notes:
        click.echo(table(notes), err=True)
    click.echo(json.dumps(differing(settings), indent=2) if as_json else as_text(settings))


def generate(file: Path | None, overrides: Sequence[str], *, yes: bool) -> None:
    """`overrides`: may choose classes. Raises ConfigError where it cannot be written, or there is no such class."""
    from core.config.file import DEFAULT_FILES
    from spawners.configuration import classes_named, config_file

    kinds = classes_named(overrides)
    target = file or DEFAULT_FILES[0]
    if target.exists() and not yes and not click.confirm(f"Overwrite {target}?"):
        click.echo(f"{target} stays as it is.")
        return
    try:
        target.write_text(config_file(kinds), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{target} cannot be written: {error.strerror}") from error
    click.echo(f"Wrote {target}.")
