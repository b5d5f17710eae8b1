"""An HTTP request as it came, for plug-ins that look at more of it than the fields of a form."""

from __future__ import annotations

from msgspec import Struct


class SentRequest(Struct, frozen=True):
    """`target`: path and query as they were sent. `headers`: without what the hub itself knows somebody by.

    `address`: whom it came from. `protocol`, `host`: as the browser sees them.
    """

    method: str = "GET"
    target: str = "/"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    address: str = ""
    protocol: str = "http"
    host: str = ""
