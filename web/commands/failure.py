"""What keeps a command from being carried out, in one line; everything else is a bug, with a traceback."""

from __future__ import annotations

import os
from collections.abc import Iterable
from difflib import get_close_matches

import click


class Failure(click.ClickException):
    """Said as one line on standard error; the exit code is 1."""

    def show(self, file: object = None) -> None:
        click.echo(f"callboard: {self.format_message()}", err=True)


class UnsoundError(click.ClickException):
    """The log is not sound, and that has been said."""

    exit_code = 3

    def __init__(self) -> None:
        super().__init__("")

    def show(self, file: object = None) -> None:
        pass


class UnknownWordError(click.UsageError):
    exit_code = 1  # JupyterHub's, for words it does not know


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question to put behind a message about this word; empty where nothing known is like it."""
    near = get_close_matches(word, list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def is_expected(error: BaseException) -> bool:
    """Whether it is a failure rather than a bug. The classes are known only where something has failed."""
    from core.errors import HubError
    from core.events.codec import UnknownEventError
    from core.events.file.database import DatabaseError
    from core.settings import ConfigError

    if isinstance(error, BrokenPipeError):
        return False  # whoever read has gone: click ends quietly
    return isinstance(error, ConfigError | HubError | UnknownEventError | DatabaseError | OSError)


def words_of(error: BaseException) -> str:
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return str(error)
