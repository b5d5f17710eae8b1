"""WebSockets and other upgrades: two sockets, each one's bytes given to the other.

There is no task per direction: the watch calls us when a socket has something to say, and mostly it is
passed on with two system calls.
"""

import math
import socket
import time

from web.http1.stream import Stream
from web.http1.watch import READ, WRITE, Watch
from web.proxy.activity import Activity

_KEEPALIVE_IDLE = 30  # seconds without a byte before the kernel asks whether the peer still lives
_KEEPALIVE_INTERVAL = 10
_KEEPALIVE_PROBES = 4
_UNACKNOWLEDGED = 75_000  # milliseconds


class Tunnels:
    """All that are open."""

    def __init__(self, watch: Watch, activity: Activity, grace: float) -> None:
        self.watch = watch
        self.activity = activity
        self.grace = grace
        self._open: set[Tunnel] = set()

    def __len__(self) -> int:
        return len(self._open)

    def join(self, client: Stream, upstream: Stream, spec: str, early: bytes) -> None:
        """From here on both streams are ours; `early` is what the client has sent already."""
        tunnel = Tunnel(self, client, upstream, spec)
        self._open.add(tunnel)
        tunnel.start(early)

    def discard(self, tunnel: "Tunnel") -> None:
        self._open.discard(tunnel)

    def close_expired(self, now: float) -> None:
        for tunnel in [tunnel for tunnel in self._open if tunnel.expires < now]:
            tunnel.close()

    def close(self) -> None:
        for tunnel in list(self._open):
            tunnel.close()


class _End:
    """One of the two sockets. `pending` is what it has yet to be given."""

    __slots__ = ("finished", "is_heard", "peer", "pending", "stream")

    peer: "_End"

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.pending: bytes = b""
        self.finished = False  # it has said all it will ever say
        self.is_heard = False


class Tunnel:
    """Reads from one end only while the other has taken everything, so that it holds one read at most."""

    __slots__ = ("_ends", "_is_closed", "_spec", "_tunnels", "expires")

    def __init__(self, tunnels: Tunnels, client: Stream, upstream: Stream, spec: str) -> None:
        self._tunnels = tunnels
        self._spec = spec
        self._ends = (_End(client), _End(upstream))
        self._ends[0].peer, self._ends[1].peer = self._ends[1], self._ends[0]
        self.expires = math.inf
        self._is_closed = False

    def start(self, early: bytes) -> None:
        for end in self._ends:
            _keep_alive(end.stream.sock)
        try:
            self._give(self._ends[1], early)
            for end in self._ends:
                self._listen(end)
                self._pull(end)  # TLS may hold bytes that the kernel has handed over before
        except OSError:
            self.close()

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._tunnels.discard(self)
        for end in self._ends:
            if end.is_heard:
                self._tunnels.watch.remove(end.stream.sock)
            end.stream.close()

    def _heard(self, end: _End, events: int) -> None:
        try:
            if events & WRITE:
                self._flush(end)
            if events & ~WRITE:
                self._pull(end)
        except OSError:
            self.close()

    def _pull(self, end: _End) -> None:
        while not (self._is_closed or end.finished or end.peer.pending):
            data = end.stream.receive_now()
            if data is None:
                return
            if not data:
                self._finish(end)
                return
            self._tunnels.activity.note(self._spec)
            self._give(end.peer, data)
            if not end.stream.pending():
                return

    def _give(self, end: _End, data: bytes) -> None:
        sent = end.stream.send_now(data) if data else 0
        if sent < len(data):
            end.pending = data[sent:]
            self._listen(end)
            self._listen(end.peer)

    def _flush(self, end: _End) -> None:
        end.pending = end.pending[end.stream.send_now(end.pending) :]
        if self.expires < math.inf:  # it is slow, but it takes
            self.expires = time.monotonic() + self._tunnels.grace
        if end.pending:
            return
        self._listen(end)
        self._listen(end.peer)
        if end.peer.finished:
            self._end_sending(end)
        else:
            self._pull(end.peer)

    def _finish(self, end: _End) -> None:
        end.finished = True
        self._listen(end)
        self.expires = time.monotonic() + self._tunnels.grace
        if not end.peer.pending:
            self._end_sending(end.peer)

    def _end_sending(self, end: _End) -> None:
        end.stream.end_sending()
        if end.finished and not end.peer.pending:
            self.close()

    def _listen(self, end: _End) -> None:
        """A paused socket leaves the watch: a broken one would wake it again and again."""
        if self._is_closed:
            return
        reads = not (end.finished or end.peer.pending)
        events = (READ if reads else 0) | (WRITE if end.pending else 0)
        watch, sock = self._tunnels.watch, end.stream.sock
        if not events:
            if end.is_heard:
                watch.remove(sock)
        elif end.is_heard:
            watch.modify(sock, events)
        else:
            watch.add(sock, events, lambda events: self._heard(end, events))
        end.is_heard = bool(events)


def _keep_alive(sock: socket.socket) -> None:
    if sock.family == socket.AF_UNIX:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE_IDLE)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _KEEPALIVE_INTERVAL)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _KEEPALIVE_PROBES)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED)
