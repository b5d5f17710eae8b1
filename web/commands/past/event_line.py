"""An event as a line of text, or as an object of JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from core.events import codec
from core.events.log.tables import Tables
from core.events.record import Record, utc_text
from projections.histories.belongings import belonging
from web.history.names import NO_NAME, NameBook

LONGEST = 60  # characters of a value
DULL = frozenset({"type", "digest", "token_digest", "token_scopes", "hint", "prefix", "token_prefix"})


def as_json(record: Record) -> bytes:
    by = record.by
    return msgspec.json.encode(
        {
            "position": record.position,
            "at": utc_text(record.at),
            "type": codec.tag_of(record.event),
            "stream": record.stream,
            "version": record.version,
            "principal": by.principal,
            "via": by.via,
            "request": by.request,
            "cause": by.cause,
            "event": msgspec.Raw(codec.encode(record.event)),
        }
    )


class Lines:
    """Says who did what to whom, by the names they had then. `db`: with the table of names, if `has_names`."""

    def __init__(self, db: Tables, *, has_names: bool) -> None:
        self._db = db
        self._names = NameBook(db) if has_names else None

    def line(self, record: Record) -> str:
        if self._names is not None:
            self._names.on_records([record])
        at = f"{record.at:%Y-%m-%d %H:%M:%S}Z"
        who, what = self._who(record), self._about(record.stream, record.position)
        details = " ".join(_details(record))
        start = f"{record.position:>7}  {at}  {who:<16}  {codec.tag_of(record.event):<24}  {what}"
        return f"{start}  {details}".rstrip()

    def _who(self, record: Record) -> str:
        by = record.by
        if by.principal == "hub" and by.via.startswith("command-line/"):
            return by.via
        return self._about(by.principal, record.position)

    def _about(self, thing: str, position: int) -> str:
        kind, _, _key = thing.partition("/")
        if self._names is None or kind not in ("user", "server", "group", "token"):
            return thing
        if kind == "server":
            owner = self._names.owner_of(thing)
            names = self._names.at(f"user/{owner}", position), self._names.at(thing, position)
            return thing if NO_NAME in names else "/".join(names)
        if kind == "token":
            owner = belonging(self._db, thing).user
            name = self._names.at(f"user/{owner}", position)
            return thing if name == NO_NAME else f"token of {name}"
        name = self._names.at(thing, position)
        if name == NO_NAME:
            return thing
        return name if kind == "user" else f"group {name}"


def _details(record: Record) -> Iterator[str]:
    fields: dict[str, Any] = msgspec.json.decode(codec.encode(record.event))
    for key, value in fields.items():
        if key in DULL or value in (None, "", [], {}):
            continue
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        text = " ".join(text.split())
        yield f"{key}={text if len(text) <= LONGEST else text[: LONGEST - 3] + '...'}"
