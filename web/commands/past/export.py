"""`callboard export`: events or models, as JSON lines or CSV."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from web.commands.long_work import long_work
from web.commands.past.as_of import tables_as_of
from web.commands.past.moments import parse_position
from web.commands.where import Where, about_a_log, need_current_tables

if TYPE_CHECKING:
    from core.events.log.tables import Tables
    from core.settings import Settings

KINDS = ("events", "users", "servers", "groups", "services")


@click.command(short_help="Write all events, users, servers, groups or services.")
@click.argument("kind", type=click.Choice(KINDS), required=False)
@click.option("--csv", "as_csv", is_flag=True, help="CSV with a header, instead of JSON lines.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Default: standard output."
)
@click.option(
    "--at", "moment", metavar="POSITION|TIME", help="2026-05-04T09:03Z, 09:03, 2h (ago). Default: now."
)
@click.option(
    "--jupyterhub",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The way back: a database that JupyterHub 6 starts with.",
)
@about_a_log
def export(
    where: Where,
    kind: str | None,
    as_csv: bool,
    output: Path | None,
    moment: str | None,
    jupyterhub: Path | None,
) -> None:
    """Write all events, or the models of all users, servers, groups or services, as they are or were.

    One JSON object a line, or CSV in which lists and objects are JSON. All of it is of one moment; the hub may run.

    \b
    callboard export events -o events.jsonl
    callboard export servers --csv -o servers.csv
    callboard export servers --at 09:03
    callboard export --jupyterhub jupyterhub.sqlite
    """
    if jupyterhub is not None:
        from web.commands.moving.moves import move_back

        return move_back(where, jupyterhub)
    if kind is None:
        raise click.UsageError(f"what is to be exported? One of {', '.join(KINDS)}, or --jupyterhub FILE.")
    from core.events.file.database import open_to_look

    db = open_to_look(where.log)
    try:
        db.execute("BEGIN")
        with _rows(db, where, kind, moment) as rows, _target(output) as file:
            write = _csv(file) if as_csv else _json_lines(file)
            for row in rows:
                write(row)
    finally:
        db.close()


@contextmanager
def _rows(db: Tables, where: Where, kind: str, moment: str | None) -> Iterator[Iterator[dict[str, Any]]]:
    """Of the tables that are kept, or of others as of a moment: the same queries."""
    if kind == "events":
        length = _length(db, moment)
        with long_work("events", length) as on_progress:
            yield _events(db, length, on_progress)
    elif moment is None:
        need_current_tables(db)
        yield _models(db, where.settings, kind)
    else:
        with tables_as_of(db, moment) as (then, _):
            yield _models(then, where.settings, kind)


def _length(db: Tables, moment: str | None) -> int:
    from core.events.file.reading import head_position

    return head_position(db) if moment is None else parse_position(db, moment)


def _events(db: Tables, upto: int, on_progress: Callable[[int], None]) -> Iterator[dict[str, Any]]:
    import msgspec

    from core.events.file.reading import read_rows

    after = 0
    while rows := read_rows(db, after, min(1000, upto - after)):
        for row in rows:
            yield {**row, "payload": msgspec.Raw(row["payload"].encode())}
        after = rows[-1]["position"]
        on_progress(len(rows))


def _models(db: Tables, settings: Settings, kind: str) -> Iterator[dict[str, Any]]:
    import msgspec

    from web.commands.past.models_at_rest import ModelsAtRest

    models = ModelsAtRest(db, settings)
    if kind == "servers":
        for user, server in models.servers():
            yield {"user": user, **msgspec.to_builtins(server)}
        return
    yield from map(msgspec.to_builtins, getattr(models, kind)())


@contextmanager
def _target(output: Path | None) -> Iterator[TextIO]:
    """The file appears as a whole or not at all, and is its owner's alone."""
    if output is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    from core.machine.private_file import begin_private_file

    draft = output.with_name(f"{output.name}.draft")
    try:
        with open(begin_private_file(draft), "w", encoding="utf-8", newline="") as file:
            yield file
        draft.replace(output)
    finally:
        draft.unlink(missing_ok=True)


def _json_lines(file: TextIO) -> Callable[[dict[str, Any]], object]:
    from msgspec import json

    return lambda row: file.write(json.encode(row).decode() + "\n")


def _csv(file: TextIO) -> Callable[[dict[str, Any]], object]:
    """The columns are those of the first row."""
    from msgspec import Raw, json

    from web.history.spreadsheet import cell

    writer = csv.writer(file, lineterminator="\n")
    columns: list[str] = []

    def write(row: dict[str, Any]) -> None:
        if not columns:
            columns.extend(row)
            writer.writerow(columns)
        values = [row.get(column) for column in columns]
        writer.writerow(
            [
                json.encode(value).decode() if isinstance(value, list | dict | bool | Raw) else cell(value)
                for value in values
            ]
        )

    return write
