"""What can happen to a service, and to the process of a managed one. Stream: `service/{name}`."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from core.events.urgency import Ordinary, Urgent


def service_stream(name: str) -> str:
    return f"service/{name}"


class ServiceDefinition(Struct, frozen=True):
    """What a service is. None: nobody has said.

    `prefix`: the URL path it has its route under, `""` without a `url`. `oauth_client_id`: of the OAuth client
    it is, `""` if it is none. How a managed one is run (command, environment) may hold what is secret and is
    in the configuration alone.
    """

    url: str = ""
    prefix: str = ""
    admin: bool = False
    managed: bool = False
    info: dict[str, Any] | None = None
    display: bool | None = None
    oauth_client_id: str = ""
    oauth_redirect_uri: str = ""
    oauth_client_allowed_scopes: list[str] = []
    oauth_no_confirm: bool = False


class ServiceAdded(Ordinary, frozen=True, tag="service.added"):
    """`from_config`: it comes and goes with the configuration; others with requests to the API."""

    definition: ServiceDefinition
    from_config: bool


class ServiceChanged(Ordinary, frozen=True, tag="service.changed"):
    definition: ServiceDefinition


class ServiceRemoved(Urgent, frozen=True, tag="service.removed"):
    """Its tokens end with it."""


class ServiceStarted(Ordinary, frozen=True, tag="service.started"):
    """A process of it runs, or has been found running. `run`: an id of this one process, of the form of a spawn id.

    `launch`: a keyed digest of how it was launched, so that a hub with another configuration starts it anew.
    """

    run: str
    pid: int
    launch: str = ""


class ServiceExited(Urgent, frozen=True, tag="service.exited"):
    """It has ended, or was ended with the hub. `exit_status`: negative for a signal, None if it is not known."""

    run: str
    exit_status: int | None = None


class ServiceFailed(Urgent, frozen=True, tag="service.failed"):
    """It ended too often too soon. The hub goes on trying, quietly, until it lives."""

    reason: str
    exit_status: int | None = None


ServiceEvent = ServiceAdded | ServiceChanged | ServiceRemoved | ServiceStarted | ServiceExited | ServiceFailed
