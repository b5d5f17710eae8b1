"""What runs is taken into a log that does not know it, whatever that log knows of its server."""

from __future__ import annotations

import pytest

from core.events.server import ServerStopped, SpawnCancelled, SpawnFailed, SpawnRequested, StopRequested
from core.reconcile.adoption import adopt
from core.server import (
    Checking,
    Queued,
    Ready,
    Server,
    Spawning,
    Start,
    Stopped,
    Stopping,
    evolve,
)

START = Start("s9", "u1", "alice", "", "/user/alice/", None, "digest of s9")
STATES: list[Server] = [
    Stopped(),
    Stopped({"cpus": 2}, SpawnFailed("s1", "no"), "s1", ("s0",)),
    Queued("s1", {}, "/"),
    Spawning("s1", {}, "/", leftovers=("s0",)),
    Ready("s1", {"cpus": 2}, "/", "http://x"),
    Checking("s1", {}, "/", "http://x"),
    Stopping("s1", {}, ("s0",)),
]


@pytest.mark.parametrize("server", STATES, ids=lambda state: type(state).__name__)
def test_it_is_under_way_and_the_rest_is_to_be_ended(server: Server) -> None:
    events = adopt(server, START)
    state = server
    for event in events:
        state = evolve(state, event)
    assert isinstance(state, Spawning)
    assert state.spawn_id == "s9"
    assert state.user_options == (server.user_options or {}), "the log knows no later ones"
    begun = not isinstance(server, Stopped | Queued)
    assert set(state.leftovers) == {*server.leftovers, *(["s1"] if begun else [])}


@pytest.mark.parametrize(
    ("server", "kinds"),
    [
        (Stopped(), [SpawnRequested]),
        (Queued("s1", {}, "/"), [SpawnCancelled, ServerStopped, SpawnRequested]),
        (Ready("s1", {}, "/", "http://x"), [StopRequested, ServerStopped, SpawnRequested]),
        (Stopping("s1", {}), [ServerStopped, SpawnRequested]),
    ],
)
def test_by_events_like_any_other(server: Server, kinds: list[type]) -> None:
    assert [type(event) for event in adopt(server, START)] == kinds
