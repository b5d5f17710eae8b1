"""The HTTP request that asks, as `handler.request`. Source of the names: tornado's HTTPServerRequest."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from werkzeug.datastructures import Headers

from web.hook_views.view import View

Pairs = Sequence[tuple[str, str]]


class RequestView(View):
    """Header names are as HTTP has them: case does not matter. It is without what it authenticates itself by."""

    called = "handler.request"
    elsewhere: ClassVar[Mapping[str, str]] = {
        "cookies": "what people are logged in by is not handed to hooks",
        "connection": "the hub's connections are no tornado connections",
        "server_connection": "the hub's connections are no tornado connections",
        "get_ssl_certificate": "clients have no certificates here",
    }
    unchangeable = "a request is what was sent"

    def __init__(
        self,
        method: str,
        path: str,
        query: str,
        headers: Headers,
        remote: str,
        *,
        protocol: str = "http",
        host: str = "",
        fields: Pairs = (),
    ) -> None:
        """`fields`: of the form that was sent, without the proof that it was meant."""
        in_query = _values(parse_qsl(query, keep_blank_values=True))
        in_body = _values(fields)
        self._know(
            method=method,
            path=path,
            query=query,
            uri=f"{path}?{query}" if query else path,
            headers=headers,
            remote_ip=remote,
            protocol=protocol,
            host=host,
            host_name=host.partition(":")[0],
            version="HTTP/1.1",
            body=b"",  # forms are in body_arguments
            files={},
            query_arguments=in_query,
            body_arguments=in_body,
            arguments={name: in_query.get(name, []) + in_body.get(name, []) for name in in_query | in_body},
            _began=time.monotonic(),
        )

    def full_url(self) -> str:
        return f"{self.protocol}://{self.host}{self.uri}"

    def request_time(self) -> float:
        """Seconds since it came."""
        return time.monotonic() - self._began  # type: ignore[no-any-return]


def _values(pairs: Pairs) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value.encode())
    return found


def texts(values: Mapping[str, Any], name: str, *, strip: bool) -> list[str]:
    """Of the arguments of this name, as tornado's handlers give them."""
    found = [value.decode(errors="replace") for value in values.get(name, [])]
    return [text.strip() for text in found] if strip else found
