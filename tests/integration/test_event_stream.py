"""Events of a real hub, through its proxy: live, ending with the hub, resumed when it is back."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
import requests

from tests.integration.conftest import MakeHub
from tests.integration.hub import RealHub, wait_for


class Follower(threading.Thread):
    """Follows until the stream ends."""

    def __init__(self, hub: RealHub, token: str, after: str = "") -> None:
        super().__init__(daemon=True)
        headers = {"Authorization": f"token {token}", "Last-Event-ID": after}
        self._answer = requests.get(
            f"{hub.url}/hub/api/events", headers=headers, stream=True, timeout=(5, 30)
        )
        assert self._answer.headers["Content-Type"] == "text/event-stream"
        self.seen: list[dict[str, Any]] = []
        self.start()

    def run(self) -> None:
        """An end that is none, in the middle of a chunk, is an error; and so a failure of the test."""
        for line in self._answer.iter_lines(chunk_size=1):
            if line.startswith(b"data:"):
                self.seen.append(json.loads(line.removeprefix(b"data:")))

    @property
    def positions(self) -> list[int]:
        return [event["position"] for event in self.seen]

    def has(self, kind: str, user: str) -> bool:
        return any((event["type"], event["user"]) == (kind, user) for event in self.seen)


@pytest.mark.slow
def test_a_follower_sees_every_event_once_over_a_restart_of_the_hub(make_hub: MakeHub) -> None:
    hub = make_hub()
    hub.start()
    token = hub.token_of("admin")
    follower = Follower(hub, token)
    hub.add_user("alice")
    wait_for(lambda: follower.has("user.created", "alice"))
    assert hub.terminate() == 0
    follower.join(10)
    assert not follower.is_alive(), "the stream ends with the hub"
    hub.start()
    again = Follower(hub, token, str(follower.positions[-1]))
    hub.add_user("bob")
    wait_for(lambda: again.has("user.created", "bob"))
    assert hub.terminate() == 0
    again.join(10)
    positions = follower.positions + again.positions
    assert positions == list(range(1, positions[-1] + 1))
