"""One epoll beside trio's, for sockets that no task waits for and that must be heard all the same.

A socket is registered once and stays registered, so that a message through a WebSocket costs neither a
task switch nor a system call to wait again, and a visitor who hangs up is noticed while the task is busy
with the other side.
"""

import select
import socket
from collections.abc import Callable

import trio

READ = select.EPOLLIN | select.EPOLLRDHUP
WRITE = select.EPOLLOUT
HANGUP = select.EPOLLRDHUP | select.EPOLLET  # told once, and only of the end
BROKEN = select.EPOLLHUP | select.EPOLLERR

_BATCH = 256
_ROUNDS = 8  # in a row before other tasks get their turn
_LOOKS = 16  # of about 0.6 us each, in vain


class Watch:
    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._listeners: dict[int, Callable[[int], None]] = {}

    def add(self, sock: socket.socket, events: int, listener: Callable[[int], None]) -> None:
        """Raises OSError where the kernel has no room for one more."""
        self._epoll.register(sock, events)
        self._listeners[sock.fileno()] = listener

    def modify(self, sock: socket.socket, events: int) -> None:
        self._epoll.modify(sock, events)

    def remove(self, sock: socket.socket) -> None:
        """Before the socket is closed: another may get its number."""
        if self._listeners.pop(sock.fileno(), None) is not None:
            self._epoll.unregister(sock)

    async def run(self) -> None:
        """Listeners are called here; they must neither block nor raise.

        An echo is often back within 10 us. Looking again for so long costs half of what it costs to wait in
        trio's loop, so a lone WebSocket is as quick as it is through node.
        """
        while True:
            await trio.lowlevel.wait_readable(self._epoll.fileno())
            rounds = looks = 0
            while rounds < _ROUNDS and looks < _LOOKS:
                if self._hear():
                    rounds, looks = rounds + 1, 0
                else:
                    looks += 1

    def _hear(self) -> bool:
        heard = self._epoll.poll(0, _BATCH)
        for fd, events in heard:
            listener = self._listeners.get(fd)
            if listener is not None:  # else removed by one before it in this batch
                listener(events)
        return bool(heard)
