"""Last activity as the API shows it: what the log says, or what has been seen since."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from core.events.record import utc_text


class Seen(Protocol):
    """When users, servers and tokens were seen since it was last recorded, by id."""

    @property
    def users(self) -> Mapping[str, datetime]: ...
    @property
    def servers(self) -> Mapping[str, datetime]: ...
    @property
    def tokens(self) -> Mapping[str, datetime]: ...


class NothingSeen:
    """Of a log that no hub runs on, or of times past."""

    users: Mapping[str, datetime] = MappingProxyType({})
    servers: Mapping[str, datetime] = MappingProxyType({})
    tokens: Mapping[str, datetime] = MappingProxyType({})


class LastSeen:
    def __init__(self, activity: Seen) -> None:
        self._activity = activity

    def user(self, user_id: str, recorded: str | None) -> str | None:
        return _later(self._activity.users, user_id, recorded)

    def server(self, server_id: str, recorded: str | None) -> str | None:
        return _later(self._activity.servers, server_id, recorded)

    def token(self, token_id: str, recorded: str | None) -> str | None:
        return _later(self._activity.tokens, token_id, recorded)


def _later(seen: Mapping[str, datetime], key: str, recorded: str | None) -> str | None:
    at = seen.get(key)
    text = recorded if at is None else max(recorded or "", utc_text(at))
    return text and text.replace(".000000Z", "Z")
