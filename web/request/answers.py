"""Answers as bytes: JSON the way JupyterHub's clients know it, and answers without a body."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct
from quart import Request, Response
from quart.wrappers.response import DataBody
from werkzeug.datastructures import Headers

from web.request.errors import phrase

_encoder = msgspec.json.Encoder()


class Refusal(Struct, frozen=True):
    """Why not, for the person who asked."""

    status: int
    message: str


class Answer(Response):
    """A body that is there, and headers of our own: werkzeug looks at each of those as if it came from anybody."""

    def __init__(self, body: bytes, status: int, headers: Iterable[tuple[str, str]]) -> None:
        self.headers = Headers()
        self._status, self._status_code = _status(status)
        self.timeout = ...
        self.response = DataBody(body)
        self.body = body
        put(self, headers)

    def set_data(self, data: bytes | str) -> None:
        raise TypeError("an answer's body is what it was made with")


@cache
def _status(code: int) -> tuple[str, int]:
    """As werkzeug has it."""
    response = Response(status=code)
    return response.status, response.status_code


def put(response: Response, headers: Iterable[tuple[str, str]]) -> None:
    """Add headers that the response has not got yet; there is no line break in them."""
    response.headers._list.extend(headers)


def encode(value: Any) -> bytes:
    """JSON in ASCII, everything else escaped."""
    raw = _encoder.encode(value)
    if raw.isascii():
        return raw
    return json.dumps(msgspec.to_builtins(value)).encode()


def reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return raw_json(encode(value), status, headers)


def raw_json(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    response = Answer(
        body, status, (("Content-Type", "application/json"), ("Content-Length", str(len(body))))
    )
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
    if response.status_code != 200:
        return response
    if isinstance(response, Answer):
        tag = _tag(response.body)
        put(response, (("Etag", tag),))
    elif response.content_type == "text/event-stream":
        return response
    else:
        tag = _tag(await response.get_data(as_text=False))
        response.headers["Etag"] = tag
    asked = request.headers.get("If-None-Match", "")
    if asked and tag in (part.strip().removeprefix("W/") for part in asked.split(",")):
        unchanged = Response(b"", 304, headers={"Etag": tag})
        del unchanged.headers["Content-Type"]
        return unchanged
    return response


def _tag(body: bytes) -> str:
    return f'"{hashlib.sha1(body, usedforsecurity=False).hexdigest()}"'


def redirect(location: str, status: int = 302) -> Response:
    return Response(b"", status, headers={"Location": location})
