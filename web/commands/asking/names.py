"""Servers as people name them on a command line: `alice`, `alice/`, `alice/lab`."""

from __future__ import annotations

import click

Named = tuple[str, str]  # user, server


class ServerName(click.ParamType[Named]):
    name = "user[/server]"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Named:
        user, _, server = str(value).partition("/")
        if not user:
            self.fail(f"{value!r} names no user: try alice, or alice/lab", param, ctx)
        return user, server


def told(user: str, server: str) -> str:
    return f"{user}/{server}"
