"""`callboard replay`: what was true at 09:03."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from web.commands.asking import completion
from web.commands.past.as_of import tables_as_of
from web.commands.where import Where, about_a_log

if TYPE_CHECKING:
    from core.events.log.tables import Tables
    from core.settings import Settings


@click.command(short_help="Print what the API would have shown at a moment.")
@click.option(
    "--at", "moment", metavar="POSITION|TIME", help="2026-05-04T09:03Z, 09:03, 2h (ago). Default: now."
)
@click.option(
    "--user",
    default="",
    metavar="NAME",
    shell_complete=completion.users,
    help="This user alone, by the name of that time.",
)
@click.option(
    "--server",
    default="",
    metavar="USER/SERVER",
    shell_complete=completion.servers,
    help="This server alone; alice/ is the default one.",
)
@click.option("--json", "as_json", is_flag=True, help="On one line.")
@about_a_log
def replay(where: Where, moment: str | None, user: str, server: str, as_json: bool) -> None:
    """Fold the log up to a moment, in memory, and print what the API would have shown then.

    Without --user or --server: all users, groups and services. Times are UTC. The hub may run meanwhile.

    \b
    callboard replay --at 09:03 --server alice/lab
    callboard replay --at 1042 --user alice
    """
    import msgspec

    from core.events.file.database import open_to_look

    db = open_to_look(where.log)
    try:
        shown = msgspec.json.encode(told(db, where.settings, moment, user, server))
    finally:
        db.close()
    click.echo(shown if as_json else msgspec.json.format(shown))


def told(db: Tables, settings: Settings, moment: str | None, user: str, server: str) -> Any:
    """A model, or all of them. Raises click.BadParameter, NotFoundError."""
    from core.events.file.reading import read_at
    from core.events.record import utc_text
    from web.commands.past.models_at_rest import ModelsAtRest

    with tables_as_of(db, moment) as (then, position):
        models = ModelsAtRest(then, settings)
        if server:
            owner, _, name = server.partition("/")
            return models.server(owner, name)
        if user:
            return models.user(user)
        recorded = read_at(db, [position]) if position else []
        return {
            "position": position,
            "at": utc_text(recorded[0].at) if recorded else None,
            "users": list(models.users()),
            "groups": list(models.groups()),
            "services": list(models.services()),
        }
