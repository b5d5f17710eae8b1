"""A service: what it is, where it comes from, and what has become of its process if the hub runs it. Pure."""

from __future__ import annotations

from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from core.errors import AlreadyExistsError, ConfiguredError, NotFoundError
from core.events.service import (
    ServiceAdded,
    ServiceChanged,
    ServiceDefinition,
    ServiceEvent,
    ServiceExited,
    ServiceFailed,
    ServiceRemoved,
    ServiceStarted,
)


class NoService(Struct, frozen=True):
    """Never made, or removed."""


class AtRest(Struct, frozen=True):
    """No process of it is known to run: it is not managed, was stopped, or is about to be started."""


class Running(Struct, frozen=True):
    run: str
    pid: int
    launch: str


class Failed(Struct, frozen=True):
    reason: str


Process = AtRest | Running | Failed


class Service(Struct, frozen=True):
    definition: ServiceDefinition
    from_config: bool
    process: Process = AtRest()


AnyService = NoService | Service

# --- commands ---


class Add(Struct, frozen=True):
    """A request to the API makes a service."""

    name: str
    definition: ServiceDefinition


class Configure(Struct, frozen=True):
    """The configuration of a hub that starts has this service."""

    name: str
    definition: ServiceDefinition


class Move(Struct, frozen=True):
    """The hub's base URL is another one now."""

    prefix: str


class Remove(Struct, frozen=True):
    """`by_config`: a hub starts whose configuration no longer has it."""

    name: str
    by_config: bool = False


class ReportStarted(Struct, frozen=True):
    run: str
    pid: int
    launch: str


class ReportExited(Struct, frozen=True):
    run: str
    exit_status: int | None


class ReportFailed(Struct, frozen=True):
    reason: str
    exit_status: int | None


Report = ReportStarted | ReportExited | ReportFailed
Command = Add | Configure | Move | Remove | Report


def decide(service: AnyService, command: Command) -> list[ServiceEvent]:
    """What happens if `command` reaches `service`: nothing, events, or a HubError."""
    match command:
        case Add():
            if isinstance(service, Service):
                raise AlreadyExistsError(f"There is already a service named {command.name!r}.")
            return [ServiceAdded(command.definition, from_config=False)]
        case Configure():
            return _configure(service, command)
        case Move():
            return _move(service, command)
        case Remove():
            return _remove(service, command)
        case ReportStarted() | ReportExited() | ReportFailed():
            return [] if isinstance(service, NoService) else _report(service.process, command)
        case _:
            assert_never(command)


def _configure(service: AnyService, command: Configure) -> list[ServiceEvent]:
    if isinstance(service, NoService):
        return [ServiceAdded(command.definition, from_config=True)]
    if not service.from_config:
        raise AlreadyExistsError(f"Service {command.name!r} was made by a request to the API, and stays.")
    return [] if service.definition == command.definition else [ServiceChanged(command.definition)]


def _move(service: AnyService, command: Move) -> list[ServiceEvent]:
    if isinstance(service, NoService) or service.definition.prefix == command.prefix:
        return []
    return [ServiceChanged(replace(service.definition, prefix=command.prefix))]


def _remove(service: AnyService, command: Remove) -> list[ServiceEvent]:
    if isinstance(service, NoService):
        raise NotFoundError(f"There is no service named {command.name!r}.")
    if service.from_config and not command.by_config:
        raise ConfiguredError(f"Service {command.name!r} is from the configuration, and ends there.")
    return [ServiceRemoved()]


def _report(process: Process, report: Report) -> list[ServiceEvent]:
    match report:
        case ReportStarted():
            if isinstance(process, Running) and process.run == report.run:
                return []
            return [ServiceStarted(report.run, report.pid, report.launch)]
        case ReportExited():
            if isinstance(process, Running) and process.run == report.run:
                return [ServiceExited(report.run, report.exit_status)]
            return []
        case ReportFailed():
            return [] if isinstance(process, Failed) else [ServiceFailed(report.reason, report.exit_status)]
        case _:
            assert_never(report)


def evolve(service: AnyService, event: ServiceEvent) -> AnyService:
    """The service after `event`. Never refuses: by now it has happened."""
    if isinstance(event, ServiceAdded):
        return Service(event.definition, event.from_config)
    if isinstance(service, NoService):
        return service
    match event:
        case ServiceChanged():
            return replace(service, definition=event.definition)
        case ServiceRemoved():
            return NoService()
        case ServiceStarted():
            return replace(service, process=Running(event.run, event.pid, event.launch))
        case ServiceExited():
            return replace(service, process=AtRest())
        case ServiceFailed():
            return replace(service, process=Failed(event.reason))
        case _:
            assert_never(event)
