"""The command `callboard`. What each of its commands does is in web/commands/, and loaded when it is called."""

from __future__ import annotations

from importlib import import_module
from keyword import iskeyword
from typing import Any

import click

from web.commands.failure import Failure, UnknownWordError, did_you_mean, is_expected, words_of

COMMANDS = {
    "run": "web.commands.run",
    "check": "web.commands.check",
    "proxy": "web.proxy.command",
    "status": "web.commands.asking.status",
    "users": "web.commands.asking.lists",
    "groups": "web.commands.asking.lists",
    "servers": "web.commands.asking.lists",
    "shares": "web.commands.asking.lists",
    "start": "web.commands.asking.acts",
    "stop": "web.commands.asking.acts",
    "explain": "web.commands.asking.explain",
    "loadtest": "web.commands.loadtest.loadtest",
    "doctor": "web.commands.doctor.doctor",
    "token": "web.commands.token",
    "reload": "web.commands.reload",
    "strays": "web.commands.strays",
    "log": "web.commands.past.log",
    "replay": "web.commands.past.replay",
    "export": "web.commands.past.export",
    "import": "web.commands.moving.importing",
    "usage": "web.commands.past.usage",
    "verify": "web.commands.upkeep.verify",
    "rebuild": "web.commands.upkeep.rebuild",
    "backup": "web.commands.upkeep.backup",
    "restore": "web.commands.upkeep.restore",
}
"""By name: the module that has a command called so; with a `_` behind what is a word of Python's."""


class Callboard(click.Group):
    """`callboard -f FILE` is `callboard run -f FILE`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(COMMANDS[cmd_name])
        command: click.Command = getattr(module, f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        stands_alone = not args or (args[0].startswith("-") and args[0] not in ("-h", "--help", "--version"))
        if stands_alone and not ctx.resilient_parsing:  # a shell that completes wants to hear of the commands
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            raise UnknownWordError(error.message + did_you_mean(args[0], COMMANDS), ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            if is_expected(error):
                raise Failure(words_of(error)) from error
            raise


@click.group(cls=Callboard, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="callboard", message="%(version)s")
def main() -> None:
    """A hub that starts, watches and ends single-user Jupyter servers, and forgets nothing.

    Without a command it runs: callboard -f FILE is callboard run -f FILE; so do the choices of run, --show-config and
    --generate-config among them: callboard run --help.
    """


if __name__ == "__main__":
    main()
