"""`callboard run`, or just `callboard`: a hub."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from web.commands.config_choices import config_choices
from web.commands.failure import UnknownWordError, did_you_mean
from web.commands.where import config_option

if TYPE_CHECKING:
    from core.reconcile.sorting_out import Answer

# JupyterHub's short options, and the settings they stand for.
VALUES = {
    "--ip": "JupyterHub.ip",
    "--port": "JupyterHub.port",
    "--url": "JupyterHub.bind_url",
    "--base-url": "JupyterHub.base_url",
    "--ssl-key": "JupyterHub.ssl_key",
    "--ssl-cert": "JupyterHub.ssl_cert",
    "--db": "JupyterHub.db_url",
    "--pid-file": "JupyterHub.pid_file",
    "--log-file": "JupyterHub.extra_log_file",
    "--log-level": "JupyterHub.log_level",
}
FLAGS = {
    "--debug": ["--JupyterHub.log_level=DEBUG"],
    "--no-db": ["--JupyterHub.db_url=sqlite://"],
    "--no-ssl": [],  # of old; nothing to do
    "--upgrade-db": [],  # a log is brought up to date whenever it is opened
}
_TRAIT = re.compile(r"--[A-Z]\w*\.[a-z]\w*")


class Run(click.Command):
    """Takes settings as options, in any number."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        super().parse_args(ctx, args)
        ctx.args = list(overrides(ctx.args))
        return ctx.args


@click.command(cls=Run, context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@config_option
@click.option("--hello", is_flag=True, hidden=True, help="Print an administrator's token and first steps.")
@click.option(
    "--adopt",
    "later",
    flag_value="adopt",
    default="",
    help="Take servers that run into a log that is older than they are.",
)
@click.option("--end-strays", "later", flag_value="end", help="End such servers instead.")
@click.version_option(package_name="callboard", message="%(version)s")
@click.pass_context
@config_choices
def run(ctx: click.Context, files: tuple[Path, ...], hello: bool, later: Answer) -> None:
    """Run a hub.

    Any setting may be given as --Class.trait=value and wins over the files. JupyterHub's short forms are known:
    --ip, --port, --url, --base-url, --ssl-key, --ssl-cert, --db, --no-db, --pid-file, --log-file, --log-level,
    --debug.

    \b
    callboard -f jupyterhub_config.py
    callboard --port=9000 --Spawner.start_timeout=120
    """
    # the hub's imports, which other commands need not wait for
    from web.process.leaving import leave_threads_behind
    from web.process.run import run_hub

    sys.exit(leave_threads_behind(run_hub(list(files), ctx.args, hello=hello, later=later)))


def overrides(words: Sequence[str]) -> Iterator[str]:
    """The words of a command line as `--Class.trait=value`; options nobody knows as they are.

    A value may be a word of its own, as on JupyterHub's command line. Raises UnknownWordError for any other one.
    """
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if not word.startswith("-"):
            raise UnknownWordError(f"{word!r} is not understood: a command comes before its options.")
        if name in FLAGS and not equals:
            yield from FLAGS[name]
        elif name in VALUES or (_TRAIT.fullmatch(name) and not equals):
            given = value if equals else next(rest, None)
            if given is None:
                raise click.UsageError(f"{name} needs a value.")
            yield f"{'--' + VALUES[name] if name in VALUES else name}={given}"
        else:
            _check_is_no_slip(name)
            yield word


def _check_is_no_slip(name: str) -> None:
    """Raises UnknownWordError for what is nearly a short option."""
    if "." in name or name in FLAGS:
        return
    if question := did_you_mean(name, [*VALUES, *FLAGS]):
        raise UnknownWordError(f"No such option {name!r}.{question}")
