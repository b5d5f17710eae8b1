"""How far long work has come, for whoever watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


@contextmanager
def long_work(label: str, length: int) -> Iterator[Callable[[int], None]]:
    """To be called with how much more is done. A bar on standard error if that is a terminal, else nothing."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with click.progressbar(length=length, label=label, file=sys.stderr) as bar:
        yield bar.update
