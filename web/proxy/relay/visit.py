"""What an exchange needs of the connection that it serves."""

from typing import Protocol

from web.http1.stream import Stream
from web.proxy.relay.rewrite import Visitor
from web.proxy.relay.upstreams import Upstream


class Visit(Protocol):
    """`buffer` is what has been received and not yet used."""

    buffer: bytes

    @property
    def stream(self) -> Stream: ...

    @property
    def visitor(self) -> Visitor: ...

    def take_buffer(self) -> bytes: ...

    def made_progress(self) -> None:
        """Something has moved: a client that only listens is given its time anew."""

    def hand_over(self, upstream: Upstream, spec: str) -> None:
        """The two sockets talk to each other from now on."""
