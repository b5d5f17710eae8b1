"""An event as a line of text, or as an object of JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from core.events import codec
from core.events.log.tables import Tables
from core.events.record import Record, utc_text
from core.events.server import server_stream
from projections.histories.belongings import belonging
from web.commands.printable import printable
from web.history.names import NO_NAME, NameBook

LONGEST = 60  # characters of a value
NAMED = {
    "owner": "user",
    "user": "user",
    "users": "user",
    "grantee": "user",
    "holders": "user",
    "server": "server",
    "servers": "server",
    "default_server": "server",
    "tokens": "token",
}
"""Fields with ids of things that have names, and of which kind these are."""
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
        details = " ".join(self._details(record))
        start = f"{record.position:>7}  {at}  {who:<16}  {codec.tag_of(record.event):<24}  {what}"
        return printable(f"{start}  {details}".rstrip())

    def _who(self, record: Record) -> str:
        by = record.by
        if by.principal == "hub" and by.via.startswith("command-line/"):
            return by.via
        return self._about(by.principal, record.position)

    def _about(self, thing: str, position: int) -> str:
        """What a stream was called then, or what it belongs to; as it is where nothing is known of it."""
        if self._names is None:
            return thing
        match thing.partition("/")[0]:
            case "user":
                return self._name(thing, position)
            case "group":
                name = self._name(thing, position)
                return name if name == thing else f"group {name}"
            case "server":
                owner, name = self._owner(thing, position), self._names.at(thing, position)
                return thing if NO_NAME in (owner, name) else f"{owner}/{name}"
            case "token" | "session" as kind:
                owner = self._owner(thing, position)
                return thing if owner == NO_NAME else f"{kind} of {owner}"
            case "share" | "share-code":
                return self._share(thing, position)
        return thing

    def _name(self, thing: str, position: int) -> str:
        assert self._names is not None, "asked only where there are names"
        name = self._names.at(thing, position)
        return thing if name == NO_NAME else name

    def _owner(self, thing: str, position: int) -> str:
        assert self._names is not None, "asked only where there are names"
        return self._names.at(f"user/{self._names.owner_of(thing)}", position)

    def _share(self, thing: str, position: int) -> str:
        its = belonging(self._db, thing)
        if not its.server:
            return thing
        server = self._about(server_stream(its.server), position)
        return (
            f"share of {server} with {self._about(its.other, position)}"
            if its.other
            else f"code for {server}"
        )

    def _details(self, record: Record) -> Iterator[str]:
        fields: dict[str, Any] = msgspec.json.decode(codec.encode(record.event))
        for key, value in fields.items():
            if key in DULL or value in (None, "", [], {}):
                continue
            told = self._told(key, value, record.position)
            text = told if isinstance(told, str) else msgspec.json.encode(told).decode()
            text = " ".join(text.split())
            yield f"{key}={text if len(text) <= LONGEST else text[: LONGEST - 3] + '...'}"

    def _told(self, key: str, value: Any, position: int) -> Any:
        """A value with names for ids: of one thing, of several, or of those that something is said of."""
        if self._names is None or key not in NAMED:
            return value
        if isinstance(value, str):
            return self._told_one(NAMED[key], value, position)
        if isinstance(value, list | dict) and all(isinstance(one, str) for one in value):
            return ",".join(self._told_one(NAMED[key], one, position) for one in value)
        return value

    def _told_one(self, kind: str, value: str, position: int) -> str:
        """`value`: an id, or a whole stream (`user/u1`)."""
        thing = value if "/" in value else f"{kind}/{value}"
        found = self._about(thing, position)
        return value if found == thing else found
