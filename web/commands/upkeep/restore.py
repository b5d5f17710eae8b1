"""`callboard restore`: a backup in the place of the log."""

from __future__ import annotations

import json
from collections.abc import Callable

import click

from web.commands.long_work import long_work
from web.commands.where import Where, about_a_log


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, exists=True))
@click.option("--force", is_flag=True, help="Put a log that is there aside, under another name.")
@click.option("--json", "as_json", is_flag=True, help="Say what was done as a JSON object.")
@about_a_log
def restore(where: Where, file: str, force: bool, as_json: bool) -> None:
    """Put the backup FILE in the place of the log. Refuses while a hub runs.

    The backup is verified first, with its tables and the head noted beside it. A log that is there is never lost: it
    stays where it is, or with --force gets another name. Servers that were started after the backup are unknown to it:
    if any of them run, the next hub says so, and asks for --adopt or --end-strays.

    \b
    callboard restore /backups/2026-05-04.sqlite
    """
    from core.events.file import backup

    with long_work("copying", 100) as on_progress:
        head, aside = backup.restore(file, where.log, _checker(file), replace=force, on_progress=on_progress)
    if as_json:
        click.echo(json.dumps({"log": where.log, "head": head._asdict(), "aside": aside or None}))
        return
    if aside:
        click.echo(f"the former log is {aside}")
    click.echo(f"{where.log}: {head.position} events\nhead {head}")


def _checker(file: str) -> Callable[[str], None]:
    """Checks a copy of `file`, with the heads that are noted beside that."""
    from core.events.file.database import DatabaseError
    from core.events.file.heads import noted_heads
    from web.commands.upkeep.verify import examined

    def check(copy: str) -> None:
        try:
            noted = noted_heads(file)
        except ValueError as error:
            raise DatabaseError(f"{file}.heads: {error}.") from None
        if problems := examined(copy, noted).problems:
            raise DatabaseError(f"{file} is not sound, and nothing was changed. {problems[0]}")

    return check
