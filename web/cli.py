"""The command `callboard`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from web.config_choices import config_choices
from web.proxy.command import proxy


class DefaultsToRun(click.Group):
    """`callboard -f FILE` is `callboard run -f FILE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ("-h", "--help", "--version")):
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=DefaultsToRun, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="callboard", message="%(version)s")
def main() -> None:
    """A hub that starts, watches and ends single-user Jupyter servers, and forgets nothing."""


@main.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.option(
    "-f",
    "--config",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A jupyterhub_config.py; without it the one in this directory, if there is one.",
)
@click.option("--hello", is_flag=True, hidden=True, help="Print an administrator's token and first steps.")
@click.pass_context
@config_choices
def run(ctx: click.Context, files: tuple[Path, ...], hello: bool) -> None:
    """Run a hub. Any setting may be given as --Class.trait=value and wins over the files."""
    from web.run import run_hub  # the hub's imports, which other commands need not wait for

    sys.exit(run_hub(list(files), ctx.args, hello=hello))


main.add_command(proxy)

if __name__ == "__main__":
    main()
