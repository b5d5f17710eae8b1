"""Names of users and servers in what a configuration says of volumes and mounts. Pure.

Source of the fields and of the form of escaped names: DockerSpawner's documentation.
"""

from __future__ import annotations

import re

from core.plugins.spawner import Attempt

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_OF_USER = frozenset({"username", "raw_username", "user_id"})
_OF_SERVER = frozenset({"servername", "raw_servername", "server_id"})
_FIELD = re.compile(r"\{(\w+)\}")


def escaped(name: str) -> str:
    """As part of a volume's name or of a path: every byte that is no letter or digit as `-` and two hex digits.

    No two names become one.
    """
    return "".join(char if char in _PLAIN else _bytes(char) for char in name)


def _bytes(char: str) -> str:
    return "".join(f"-{byte:02X}" for byte in char.encode())


def fields_of(attempt: Attempt) -> dict[str, str]:
    """What stands for what between braces. Nothing of the attempt itself: what people keep outlives it."""
    return {
        "username": escaped(attempt.user),
        "servername": escaped(attempt.server),
        "raw_username": attempt.user,
        "raw_servername": attempt.server,
        "user_id": attempt.user_id,
        "server_id": attempt.server_id,
    }


def filled(template: str, fields: dict[str, str]) -> str:
    """With the fields filled in, once: a name that looks like a field stays as it is. So do unknown fields."""
    return _FIELD.sub(lambda match: fields.get(match[1], match[0]), template)


def names_server(template: str) -> bool:
    return not _OF_SERVER.isdisjoint(_FIELD.findall(template))


def names_user(template: str) -> bool:
    """Of a server's user, too."""
    return not (_OF_USER | _OF_SERVER).isdisjoint(_FIELD.findall(template))
