"""What can happen to an extra route: one that leads past the hub's users and services. Stream: `route/{spec}`."""

from __future__ import annotations

from core.events.urgency import Ordinary, Urgent


def route_stream(spec: str) -> str:
    return f"route/{spec}"


class RouteAdded(Ordinary, frozen=True, tag="route.added"):
    """Also when it leads elsewhere from now on. `spec`: the path it begins with, percent-encoded, with slashes
    at both ends. `from_config`: it comes and goes with the configuration."""

    spec: str
    target: str
    from_config: bool


class RouteRemoved(Urgent, frozen=True, tag="route.removed"):
    pass


RouteEvent = RouteAdded | RouteRemoved
