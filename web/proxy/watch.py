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


class Watch:
    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._listeners: dict[int, Callable[[int], None]] = {}

    def add(self, sock: socket.socket, events: int, listener: Callable[[int], None]) -> None:
        self._listeners[sock.fileno()] = listener
        self._epoll.register(sock, events)

    def modify(self, sock: socket.socket, events: int) -> None:
        self._epoll.modify(sock, events)

    def remove(self, sock: socket.socket) -> None:
        """Before the socket is closed: another may get its number."""
        del self._listeners[sock.fileno()]
        self._epoll.unregister(sock)

    async def run(self) -> None:
        """Listeners are called here; they must neither block nor raise."""
        while True:
            await trio.lowlevel.wait_readable(self._epoll.fileno())
            for fd, events in self._epoll.poll(0, _BATCH):
                listener = self._listeners.get(fd)
                if listener is not None:  # else removed by one before it in this batch
                    listener(events)

    def close(self) -> None:
        self._epoll.close()
