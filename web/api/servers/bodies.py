"""What is sent to start, to stop and to change a server."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from core.errors import InvalidError
from web.servers.named import StartRequest


class StartBody(Struct, frozen=True):
    """With neither of these keys, the body is the options."""

    user_options: dict[str, Any] | None = None
    display_name: str | UnsetType = UNSET


class StopBody(Struct, frozen=True):
    """`remove`: the server too, not only what runs."""

    remove: bool = False


class Changes(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a PATCH: at least one of these."""

    name: str | UnsetType = UNSET
    display_name: str | UnsetType = UNSET
    user_options: dict[str, Any] | UnsetType = UNSET


def parse_start(value: Any) -> StartRequest:
    """Raises InvalidError. An object with neither key is the options; an empty one says nothing."""
    if value is None or value == {}:
        return StartRequest()
    if not isinstance(value, dict):
        raise InvalidError("The body of a start is a JSON object.")
    if "user_options" not in value and "display_name" not in value:
        return StartRequest(value)
    options, display_name = value.get("user_options"), value.get("display_name")
    if options is not None and not isinstance(options, dict):
        raise InvalidError("user_options is an object or null.")
    if "display_name" in value and not isinstance(display_name, str):
        raise InvalidError("display_name is a string.")
    return StartRequest(options, display_name)


def parse_stop(value: Any) -> bool:
    """Whether to remove the server too. Raises InvalidError."""
    if value is None:
        return False
    if not isinstance(value, dict) or not isinstance(value.get("remove", False), bool):
        raise InvalidError('The body of a stop is a JSON object such as {"remove": true}.')
    return bool(value.get("remove", False))
