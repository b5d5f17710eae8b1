"""`callboard import`: JupyterHub's database into a new log."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from web.commands.failure import Failure
from web.commands.long_work import long_work
from web.commands.where import Where, about_a_log

if TYPE_CHECKING:
    from web.moving.plan import Tally
    from web.moving.source import Source


@click.command(name="import")
@click.argument("database", metavar="FILE|URL")
@click.option("--dry-run", is_flag=True, help="Only say what would come, what would not, and why.")
@click.option(
    "--others-are-no-hub", is_flag=True, help="Read it though others have it open: no hub is among them."
)
@click.option("--json", "as_json", is_flag=True, help="Say what came as a JSON object.")
@about_a_log
def import_(where: Where, database: str, dry_run: bool, others_are_no_hub: bool, as_json: bool) -> None:
    """Move in from JupyterHub: its database (2.x to 6.x), a SQLite file or a URL as c.JupyterHub.db_url has them.

    Users, groups, roles, services, tokens, shares, logins and what they refer to come into a new log; servers that run
    are taken in where their spawner can. That database is only read. Stop JupyterHub first, and leave its proxy and its
    servers running (c.JupyterHub.cleanup_servers = False, cleanup_proxy = False). An import that is killed goes on when
    it is called again.

    \b
    callboard import -f jupyterhub_config.py --dry-run jupyterhub.sqlite
    callboard import -f jupyterhub_config.py jupyterhub.sqlite
    callboard import postgresql://hub@db.example.org/jupyterhub
    """
    from web.moving.in_use import who_uses
    from web.moving.source import open_source

    with open_source(database) as source:
        users = "" if others_are_no_hub else who_uses(source)
        if users:
            raise Failure(f"{source.name} is open in {users}: stop that hub first. Nothing was moved in.")
        if source.file is not None and source.file.resolve() == Path(where.log).resolve():
            raise Failure(f"{where.log} is JupyterHub's database: name another file for the log (--db FILE).")
        tally, notes = _tried(where, source) if dry_run else _moved_in(where, source)
    if as_json:
        click.echo(json.dumps(_as_json(tally, notes)))
    else:
        for line in (*_table(tally), *notes):
            click.echo(line)


def _moved_in(where: Where, source: Source) -> tuple[Tally, list[str]]:
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


def _tried(where: Where, source: Source) -> tuple[Tally, list[str]]:
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


def _table(tally: Tally) -> Iterator[str]:
    from web.moving.plan import KINDS

    yield f"{'':<16} {'comes':>8} {'stays':>8}"
    for kind in KINDS:
        yield f"{kind:<16} {tally.came[kind]:>8} {tally.stayed[kind]:>8}"
        for why, count in tally.why.get(kind, {}).items():
            named = tally.named[kind, why]
            yield f"{'':<4}{count} stay{'s' if count == 1 else ''}: {why} ({named}{', ...' if count > 1 else ''})"


def _as_json(tally: Tally, notes: list[str]) -> dict[str, object]:
    why = [
        {"what": kind, "why": why, "count": count, "such as": tally.named[kind, why]}
        for kind, reasons in tally.why.items()
        for why, count in reasons.items()
    ]
    return {"came": dict(tally.came), "stayed": dict(tally.stayed), "why": why, "notes": notes}
