"""The heads of the requests on one connection, one after the other.

Hardly any client changes its headers between two requests on a connection: what was read and checked of them holds for
as long as they are the same bytes, under the same method and version. The request line is read each time.
"""

from collections.abc import Callable

from web.http1.fields import CRLF, HEAD_END, Fields
from web.http1.request import Request, parse_again, parse_request

LONGEST = 4096  # bytes of headers that are kept for comparison


class Heads:
    __slots__ = ("_headers", "_read")

    def __init__(self) -> None:
        self._headers = b""
        self._read: Request | None = None

    def parse(self, raw: bytes, new_fields: Callable[[], Fields]) -> Request:
        """`raw` ends with the empty line. `new_fields`: what is to keep headers. Raises BadRequestError."""
        line_end = raw.find(CRLF)
        headers = raw[line_end - 1 :]  # with the last digit of the version
        known = self._read
        if known is not None and headers == self._headers and raw.startswith(b"%b " % known.method):
            return parse_again(raw[:line_end] + HEAD_END, known)
        request = parse_request(raw, new_fields())
        if len(headers) <= LONGEST and not request.wants_upgrade:
            self._headers, self._read = headers, request
        return request

    def forget(self) -> None:
        """The next one may be long in coming."""
        self._headers, self._read = b"", None
