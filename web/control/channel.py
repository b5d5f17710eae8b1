"""The control socket: how other commands reach the hub that runs on a log.

It lies beside the log and is its owner's alone (mode 0600). A connection carries one request, a line of JSON:
`{"command": "token", "name": "alice"}`; and one answer: `{"answer": ...}`, or `{"refused": "why"}`.
What there is to ask for is in web/control/commands.py. This half is for commands that must start fast.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

LONGEST = 2**20  # bytes of a line


class NoHubError(Exception):
    """No hub answers on this log."""


class RefusedError(Exception):
    """The hub said no; its words are for the person who asked."""


def control_path(log: str) -> str:
    return f"{os.path.realpath(log)}.control"


@contextmanager
def short_address(path: str) -> Iterator[str]:
    """The socket's address. One may have 107 bytes, and a directory lie deeper: so it is named from within."""
    directory, name = os.path.split(path)
    descriptor = os.open(directory or ".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{name}"
    finally:
        os.close(descriptor)


def is_answered(log: str) -> bool:
    """Whether a hub runs on this log."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            with short_address(control_path(log)) as address:
                connection.connect(address)
        except OSError:
            return False
    return True


def ask_hub(log: str, command: str, *, timeout: float = 30.0, **arguments: Any) -> Any:
    """What the hub that runs on `log` answers. Raises NoHubError, RefusedError.

    `timeout`: seconds it may take.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        try:
            with short_address(control_path(log)) as address:
                connection.connect(address)
        except (FileNotFoundError, ConnectionRefusedError):
            raise NoHubError(
                f"No hub is running on {os.path.abspath(log)}. "
                "Run this in the hub's folder, or name its configuration with -f."
            ) from None
        except OSError as error:
            raise NoHubError(f"The hub that runs on {log} cannot be asked: {error.strerror}.") from None
        try:
            connection.sendall(json.dumps({"command": command, **arguments}).encode() + b"\n")
            answer = json.loads(_line(connection))
        except (OSError, ValueError):
            raise RefusedError(
                "The hub did not answer; whether it has carried this out is not known."
            ) from None
    if "refused" in answer:
        raise RefusedError(answer["refused"])
    return answer["answer"]


def _line(connection: socket.socket) -> bytes:
    received = bytearray()
    while not received.endswith(b"\n") and len(received) <= LONGEST:
        chunk = connection.recv(65_536)
        if not chunk:
            break
        received += chunk
    return bytes(received)
