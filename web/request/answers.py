"""Answers as bytes: JSON the way JupyterHub's clients know it, and answers without a body."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct
from quart import Request, Response

from web.request.errors import phrase

_encoder = msgspec.json.Encoder()


class Refusal(Struct, frozen=True):
    """Why not, for the person who asked."""

    status: int
    message: str


def encode(value: Any) -> bytes:
    """JSON in ASCII, everything else escaped."""
    raw = _encoder.encode(value)
    if raw.isascii():
        return raw
    return json.dumps(msgspec.to_builtins(value)).encode()


def reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return raw_json(encode(value), status, headers)


def raw_json(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    response = Response(body, status, content_type="application/json")
    if headers:
        response.headers.update(headers)
    return response


def empty(status: int, content_type: str = "text/plain") -> Response:
    """No body. A 204 has no content type either."""
    response = Response(b"", status, content_type=content_type)
    if status == 204:
        del response.headers["Content-Type"]
        response.headers.pop("Content-Length", None)
    return response


def refusal(status: int, message: str = "", headers: Mapping[str, str] | None = None) -> Response:
    return reply(Refusal(status, message or phrase(status)), status, headers)


async def with_etag(request: Request, response: Response) -> Response:
    """A strong tag on a whole 200; 304 without a body if the caller has that already."""
    if response.status_code != 200 or response.content_type == "text/event-stream":
        return response
    body = await response.get_data(as_text=False)
    tag = f'"{hashlib.sha1(body, usedforsecurity=False).hexdigest()}"'
    response.headers["Etag"] = tag
    asked = request.headers.get("If-None-Match", "")
    if tag in (part.strip().removeprefix("W/") for part in asked.split(",")):
        unchanged = Response(b"", 304, headers={"Etag": tag})
        del unchanged.headers["Content-Type"]
        return unchanged
    return response


def redirect(location: str, status: int = 302) -> Response:
    return Response(b"", status, headers={"Location": location})
