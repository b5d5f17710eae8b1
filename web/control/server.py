"""The hub's end of the control socket; see web/control/channel.py."""

from __future__ import annotations

import logging
import os
import pwd
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import msgspec
import trio

from core.errors import HubError
from core.events.file.database import DatabaseError
from core.events.record import By
from core.settings import ConfigError
from web.control.channel import LONGEST, control_path, short_address

TIMEOUT = 10.0  # seconds in which a request must have come, and its answer have been taken
AT_ONCE = 20  # connections served at a time; others wait

Answerer = Callable[[Mapping[str, Any], By], Awaitable[Any]]
"""Answers one command: its arguments, and who asks, as the log records it. What it returns is sent as JSON."""

_encode = msgspec.json.encode

logger = logging.getLogger("callboard.control")


class BadRequestError(HubError):
    """What came is no request."""


@contextmanager
def control_socket(log: str) -> Iterator[socket.socket]:
    """Listens beside the log for as long as the context lasts. Only for who holds the log's lock.

    Raises DatabaseError.
    """
    path = control_path(log)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        try:
            with suppress(FileNotFoundError):
                os.unlink(path)  # a hub that was killed has left it
            with short_address(path) as address:
                listener.bind(address)
            os.chmod(path, 0o600)  # before it listens, so nobody was let in meanwhile
            listener.listen(AT_ONCE)
        except OSError as error:
            raise DatabaseError(f"{path}: the control socket cannot be made: {error.strerror}.") from None
        yield listener
    finally:
        listener.close()
        with suppress(OSError):
            os.unlink(path)


async def serve_control(
    listener: socket.socket,
    commands: Mapping[str, Answerer],
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer until cancelled. What goes wrong with one request is its own affair."""
    limit = trio.CapacityLimiter(AT_ONCE)
    sock = trio.socket.from_stdlib_socket(listener)
    async with trio.open_nursery() as nursery:
        task_status.started()
        while True:
            await limit.acquire_on_behalf_of(token := object())
            try:
                connection, _ = await sock.accept()
            except OSError as error:  # such as too many open files
                logger.warning("a connection could not be taken: %s", error)
                limit.release_on_behalf_of(token)
                await trio.sleep(0.1)
                continue
            done = partial(limit.release_on_behalf_of, token)
            nursery.start_soon(_serve_one, trio.SocketStream(connection), commands, done)


async def _serve_one(
    stream: trio.SocketStream, commands: Mapping[str, Answerer], done: Callable[[], None]
) -> None:
    try:
        async with stream:
            with trio.move_on_after(TIMEOUT) as asking:
                line = await _line(stream)
            if asking.cancelled_caught:
                return
            answer = await _answer(line, commands, By("hub", via=f"command-line/{_peer(stream)}"))
            with trio.move_on_after(TIMEOUT):
                await stream.send_all(answer + b"\n")
    except (trio.BrokenResourceError, OSError):
        pass  # whoever asked has gone
    finally:
        done()


async def _line(stream: trio.SocketStream) -> bytes:
    received = bytearray()
    while b"\n" not in received and len(received) <= LONGEST:
        chunk = await stream.receive_some()
        if not chunk:
            break
        received += chunk
    return bytes(received)


async def _answer(line: bytes, commands: Mapping[str, Answerer], by: By) -> bytes:
    try:
        command, arguments = _request(line, commands)
        return _encode({"answer": await command(arguments, by)})
    except (HubError, ConfigError) as error:
        return _encode({"refused": str(error)})
    except Exception:
        logger.exception("a command failed")
        return _encode({"refused": "The hub failed at this; its log says how."})


def _request(line: bytes, commands: Mapping[str, Answerer]) -> tuple[Answerer, dict[str, Any]]:
    try:
        arguments = msgspec.json.decode(line, type=dict[str, Any])
        name = str(arguments.pop("command"))
    except (msgspec.DecodeError, KeyError, UnicodeDecodeError):
        raise BadRequestError("A line of JSON with a command is expected.") from None
    if name not in commands:
        raise BadRequestError(f"The hub that runs knows no command {name[:40]!r}: is it an older one?")
    return commands[name], arguments


def _peer(stream: trio.SocketStream) -> str:
    """Who asks: the name of the system's user at the other end."""
    raw = stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", raw)
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
