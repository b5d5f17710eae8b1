"""What is answered to requests for `/api/routes`. Pure: the time comes in. Source: configurable-http-proxy 5.3.0."""

from __future__ import annotations

import hmac
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec
from msgspec import Struct

from web.proxy.driven.table import DrivenTable

_ROUTES = re.compile(r"/api/routes(/.*)?")
_TOKEN = re.compile(rb"token\s+(\S+)")
_METHODS = (b"GET", b"POST", b"DELETE")


class Answered(Struct, frozen=True):
    status: int
    content: bytes = b""
    content_type: bytes = b"text/plain"


class RoutesAPI:
    """`token`: what whoever drives us knows."""

    def __init__(self, table: DrivenTable, token: str) -> None:
        self._table = table
        self._token = token.encode()

    def refusal(self, method: bytes, path: bytes, authorization: bytes) -> Answered | None:
        """Before anything of a body is read; None for what may be asked."""
        if not _ROUTES.fullmatch(path.decode("latin-1")):
            return Answered(404, b"Not Found")
        if method not in _METHODS:
            return Answered(405, b"Method not supported")
        match = _TOKEN.search(authorization)
        known = match is not None and hmac.compare_digest(match[1], self._token)
        return None if known else Answered(403)

    def answer(self, method: bytes, path: bytes, query: bytes, body: bytes, now: datetime) -> Answered:
        """To what is not refused."""
        match = _ROUTES.fullmatch(path.decode("latin-1"))
        assert match is not None, "it would be refused"
        place = unquote(match[1] or "/")
        if method == b"POST":
            return self._set(place, body, now)
        if method == b"DELETE":
            return Answered(204 if self._table.remove(place) else 404)
        return self._every(query) if place == "/" else self._one(place)

    def _every(self, query: bytes) -> Answered:
        asked = parse_qs(query.decode("latin-1"))
        since = (asked.get("inactiveSince") or asked.get("inactive_since") or [""])[0]
        try:
            return _json(self._table.every(_moment(since) if since else None))
        except ValueError:
            return Answered(400, f"Invalid datestamp '{since}' must be ISO8601.".encode())

    def _one(self, place: str) -> Answered:
        found = self._table.one(place)
        return Answered(404) if found is None else _json(found)

    def _set(self, place: str, body: bytes, now: datetime) -> Answered:
        try:
            data = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return Answered(400, f"Body not valid JSON: {error}".encode())
        if not isinstance(data, dict) or not isinstance(data.get("target"), str):
            return Answered(400, b"Must specify 'target' as string")
        try:
            self._table.set(place, data, now)
        except ValueError as error:
            return Answered(400, str(error).encode())
        return Answered(201)


def _json(value: Any) -> Answered:
    return Answered(200, msgspec.json.encode(value), b"application/json")


def _moment(text: str) -> datetime:
    """Without a zone it is UTC's."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
