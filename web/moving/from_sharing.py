"""Shares and share codes. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from core.events.log.append_request import Write
from core.events.share import ShareCodeIssued, ShareGranted, share_code_stream, share_stream
from core.share import without_filter
from core.token import is_foreign
from web.moving.rows import Row, moment, text, texts_of
from web.moving.units import Comes, Known, Pieces, Stays


def shares(rows: Iterable[Row], known: Known, now: datetime) -> Pieces:
    for row in rows:
        kind = "user" if row["user_id"] is not None else "group"
        grantee = known.holder(kind, row[f"{kind}_id"])
        place = known.servers.get(row["spawner_id"])
        scopes = sorted(without_filter(texts_of(row["scopes"])))
        if grantee is None or place is None or not scopes or _has_expired(row, now):
            yield Stays("shares", f"share {row['id']}", "its server or those it is with do not come")
            continue
        granted = ShareGranted(place.person.id, place.id, grantee, scopes, since=moment(row["created_at"]))
        yield Comes("shares", (Write(share_stream(known.id("h", "shares", row["id"])), 0, [granted]),))


def share_codes(rows: Iterable[Row], known: Known, now: datetime) -> Pieces:
    for row in rows:
        place, expires = known.servers.get(row["spawner_id"]), moment(row["expires_at"])
        scopes = sorted(without_filter(texts_of(row["scopes"])))
        is_known = is_foreign(text(row["hashed"])) and row["prefix"]
        if place is None or expires is None or not is_known or _has_expired(row, now):
            why = "has expired" if _has_expired(row, now) else "its server does not come"
            yield Stays("share codes", f"code {row['id']}", why)
            continue
        issued = ShareCodeIssued(
            place.person.id,
            place.id,
            row["hashed"],
            scopes,
            expires,
            hint=row["prefix"],
            since=moment(row["created_at"]),
            exchanged=row["exchange_count"] or 0,
            last_exchanged=moment(row["last_exchanged_at"]),
        )
        stream = share_code_stream(known.id("c", "share_codes", row["id"]))
        yield Comes("share codes", (Write(stream, 0, [issued]),))


def _has_expired(row: Row, now: datetime) -> bool:
    expires = moment(row["expires_at"])
    return expires is not None and expires <= now
