"""What is known of each attempt: kept before it begins and at every change, for the hub that comes next.

Names of what a plug-in makes are its own affair: what it calls its state is all that finds it again.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from core.machine.process_identity import Identity
from core.plugins.plugin_hub import KeptStates
from core.plugins.spawner import Gone

Phase = Literal["starting", "started", "ended"]


class Record(Struct, frozen=True, omit_defaults=True):
    """`began`: seconds since 1970. `url`: once started. `process`: the one its state names, if it is of this machine.

    `exit_status`, `reason`: once ended, where they are known.
    """

    spawn_id: str
    server_id: str
    user_id: str
    user: str
    server: str
    prefix: str
    kind: str = ""
    mark: str = ""
    began: float = 0
    user_options: dict[str, Any] = {}
    state: dict[str, Any] = {}
    phase: Phase = "starting"
    url: str = ""
    process: Identity | None = None
    exit_status: int | None = None
    reason: str = ""

    @property
    def called(self) -> str:
        """For the log."""
        return f"{self.user}/{self.server}"

    @property
    def gone(self) -> Gone:
        """Of one that has ended."""
        return Gone(self.exit_status, reason=self.reason)


class Records:
    """Kept by spawn id; under a server's id the state that its class wants to have again at its next start.

    `kind`: the name of the class: a hub may have several, and what another has begun is not this one's.
    """

    def __init__(self, states: KeptStates, kind: str) -> None:
        self._states = states
        self._kind = kind

    def of(self, spawn_id: str) -> Record | None:
        kept = self._states.of(_key(spawn_id))
        return None if kept is None else msgspec.convert(kept, Record)

    def all(self) -> list[Record]:
        found = (self._states.of(key) for key in self._states.keys() if key.startswith(_ATTEMPT))  # noqa: SIM118
        return [
            msgspec.convert(kept, Record)
            for kept in found
            if kept is not None and kept.get("kind") == self._kind
        ]

    async def keep(self, record: Record) -> None:
        await self._states.keep(_key(record.spawn_id), msgspec.to_builtins(replace(record, kind=self._kind)))

    async def change(self, spawn_id: str, **changes: Any) -> None:
        """Of an attempt that is known."""
        if (record := self.of(spawn_id)) is not None and (changed := replace(record, **changes)) != record:
            await self.keep(changed)

    async def end(self, spawn_id: str, exit_status: int | None, reason: str) -> None:
        await self.change(spawn_id, phase="ended", exit_status=exit_status, reason=reason, state={})

    async def drop(self, spawn_id: str) -> None:
        await self._states.keep(_key(spawn_id), None)

    def between(self, server_id: str) -> dict[str, Any]:
        """What the class kept of a server when it last ended."""
        kept = self._states.of(_between(server_id)) or {}
        state: dict[str, Any] = kept["state"] if kept.get("kind") == self._kind else {}
        return state

    async def keep_between(self, server_id: str, state: dict[str, Any]) -> None:
        if state != self.between(server_id):
            kept = {"kind": self._kind, "state": state} if state else None
            await self._states.keep(_between(server_id), kept)


_ATTEMPT = "attempt/"


def _key(spawn_id: str) -> str:
    return f"{_ATTEMPT}{spawn_id}"


def _between(server_id: str) -> str:
    return f"server/{server_id}"


def as_plain(state: Any) -> dict[str, Any]:
    """What a class calls its state, as it is kept. Raises TypeError for what has no JSON."""
    found = msgspec.to_builtins(dict(state or {}), str_keys=True)
    assert isinstance(found, dict)
    return found
