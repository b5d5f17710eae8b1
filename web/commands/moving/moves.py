"""Moves in and out, and what is said of them: for `callboard import`, and `callboard export --jupyterhub`."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from web.commands.long_work import long_work
from web.commands.printable import printable
from web.commands.where import Where

if TYPE_CHECKING:
    from web.moving.plan import Tally
    from web.moving.source import Source


def moved_in(where: Where, source: Source) -> tuple[Tally, list[str]]:
    from core.events.file.database import LogLock
    from core.secrets.secret_file import load_or_make_secret
    from web.moving.secrets_of_source import carry_secret
    from web.process.process import servers_folder

    hub = where.settings.hub
    lock = LogLock(where.log)
    try:
        notes = carry_secret(source.file, Path(hub.cookie_secret_file), hub.cookie_secret)
        secret = load_or_make_secret(Path(hub.cookie_secret_file), hub.cookie_secret)
        folder = servers_folder(where.settings.callboard.state_dir, where.log)
        tally = _carry_out(where, source, where.log, folder, secret, for_sure=True)
    finally:
        lock.release()
    return tally, [*notes, *_about_auth_states(where, source)]


def tried(where: Where, source: Source) -> tuple[Tally, list[str]]:
    """The same into a log in memory, and nothing is taken in."""
    from web.moving.secrets_of_source import whose_secret

    hub = where.settings.hub
    with tempfile.TemporaryDirectory() as folder:
        tally = _carry_out(where, source, ":memory:", Path(folder), secrets.token_bytes(32), for_sure=False)
    notes = whose_secret(source.file, Path(hub.cookie_secret_file), hub.cookie_secret)
    return tally, [*notes, *_about_auth_states(where, source), "Nothing was changed."]


def _carry_out(
    where: Where, source: Source, log: str, folder: Path, secret: bytes, *, for_sure: bool
) -> Tally:
    from web.control.offline import who
    from web.moving.whole import Target, move_in

    target = Target(log, folder, secret, for_sure)
    with long_work("moving in", source.length) as on_progress:
        return move_in(source, target, where.settings, who().via, on_progress)


def _about_auth_states(where: Where, source: Source) -> list[str]:
    from core.secrets.crypt import load_keys
    from web.moving.secrets_of_source import unreadable

    keeper = load_keys(where.settings.crypt.keys, os.environ)
    return unreadable(source.rows("users"), keeper)


def table(tally: Tally, go: str = "come") -> Iterator[str]:
    from web.moving.plan import KINDS

    yield f"{'':<16} {'comes':>8} {'stays':>8}"
    for kind in KINDS:
        yield f"{kind:<16} {tally.came[kind]:>8} {tally.stayed[kind]:>8}"
        for why, count in tally.why.get(kind, {}).items():
            named = tally.named[kind, why]
            such = f"{named}{', ...' if count > 1 else ''}"
            yield printable(f"{'':<4}{count} stay{'s' if count == 1 else ''}: {why} ({such})")


def as_object(tally: Tally, notes: list[str]) -> dict[str, object]:
    why = [
        {"what": kind, "why": why, "count": count, "such as": tally.named[kind, why]}
        for kind, reasons in tally.why.items()
        for why, count in reasons.items()
    ]
    return {"came": dict(tally.came), "stayed": dict(tally.stayed), "why": why, "notes": notes}


def move_back(where: Where, file: Path) -> None:
    """Raises MovingError, LogInUseError."""
    from core.events.file.database import LogLock, open_to_look
    from core.secrets.secret_file import load_or_make_secret
    from projections import users
    from web.moving.whole import Target, move_out
    from web.process.process import servers_folder

    hub = where.settings.hub
    db = open_to_look(where.log)
    try:
        count = users.count(db, users.Listing())
    finally:
        db.close()
    lock = LogLock(where.log)
    try:
        secret = load_or_make_secret(Path(hub.cookie_secret_file), hub.cookie_secret)
        folder = servers_folder(where.settings.callboard.state_dir, where.log)
        with long_work("moving out", count) as on_progress:
            tally = move_out(Target(where.log, folder, secret, True), where.settings, file, on_progress)
    finally:
        lock.release()
    for line in table(tally, "go"):
        click.echo(line)
    click.echo("Everybody logs in anew. The history of this log does not go; keep the log.")
