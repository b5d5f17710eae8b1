"""What can happen to the hub itself. Its stream is `hub`."""

from __future__ import annotations

from core.events.urgency import Urgent

STREAM = "hub"


class HubStarted(Urgent, frozen=True, tag="hub.started"):
    """A hub took the log over. Every server that was ready is in doubt until it has been adopted or lost."""

    version: str


class HubStopped(Urgent, frozen=True, tag="hub.stopped"):
    """An orderly end; a killed hub leaves none. `servers`: whether they were ended with it."""

    servers: bool


HubEvent = HubStarted | HubStopped
