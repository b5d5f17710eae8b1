"""What may become of a service, and what a definition may be."""

from __future__ import annotations

import pytest

from core.errors import AlreadyExistsError, ConfiguredError, HubError, NotFoundError
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
from core.service import (
    Add,
    AnyService,
    AtRest,
    Command,
    Configure,
    Failed,
    Move,
    NoService,
    Remove,
    ReportExited,
    ReportFailed,
    ReportStarted,
    Running,
    Service,
    decide,
    evolve,
)

PLAIN = ServiceDefinition()
WEB = ServiceDefinition(url="http://127.0.0.1:9000", prefix="/services/web/")
NONE = NoService()
OURS = Service(PLAIN, from_config=True)
THEIRS = Service(WEB, from_config=False)
LIVES = Service(PLAIN, from_config=True, process=Running("s1", 7, "d"))
FAILED = Service(PLAIN, from_config=True, process=Failed("why"))


@pytest.mark.parametrize(
    ("service", "command", "outcome"),
    [
        (NONE, Add("web", WEB), [ServiceAdded(WEB, from_config=False)]),
        (THEIRS, Add("web", WEB), AlreadyExistsError),
        (OURS, Add("web", WEB), AlreadyExistsError),
        (NONE, Configure("web", WEB), [ServiceAdded(WEB, from_config=True)]),
        (OURS, Configure("web", PLAIN), []),
        (OURS, Configure("web", WEB), [ServiceChanged(WEB)]),
        (THEIRS, Configure("web", WEB), AlreadyExistsError),
        (THEIRS, Move("/services/web/"), []),
        (
            THEIRS,
            Move("/hub1/services/web/"),
            [ServiceChanged(ServiceDefinition(url=WEB.url, prefix="/hub1/services/web/"))],
        ),
        (NONE, Move("/x/"), []),
        (NONE, Remove("web"), NotFoundError),
        (OURS, Remove("web"), ConfiguredError),
        (OURS, Remove("web", by_config=True), [ServiceRemoved()]),
        (THEIRS, Remove("web"), [ServiceRemoved()]),
        (OURS, ReportStarted("s1", 7, "d"), [ServiceStarted("s1", 7, "d")]),
        (LIVES, ReportStarted("s1", 7, "d"), []),
        (LIVES, ReportStarted("s2", 8, "d"), [ServiceStarted("s2", 8, "d")]),
        (LIVES, ReportExited("s1", -9), [ServiceExited("s1", -9)]),
        (LIVES, ReportExited("s0", 0), []),
        (OURS, ReportExited("s1", 0), []),
        (FAILED, ReportExited("s1", 0), []),
        (LIVES, ReportFailed("why", 1), [ServiceFailed("why", 1)]),
        (FAILED, ReportFailed("again", 1), []),
        (FAILED, ReportStarted("s3", 9, "d"), [ServiceStarted("s3", 9, "d")]),
        (NONE, ReportStarted("s1", 7, "d"), []),
    ],
)
def test_decide(service: AnyService, command: Command, outcome: list[ServiceEvent] | type[HubError]) -> None:
    if isinstance(outcome, list):
        assert decide(service, command) == outcome
    else:
        with pytest.raises(outcome):
            decide(service, command)


@pytest.mark.parametrize(
    ("events", "service"),
    [
        ([ServiceAdded(PLAIN, from_config=True)], OURS),
        ([ServiceAdded(PLAIN, from_config=True), ServiceStarted("s1", 7, "d")], LIVES),
        (
            [
                ServiceAdded(PLAIN, from_config=True),
                ServiceStarted("s1", 7, "d"),
                ServiceChanged(WEB),
                ServiceExited("s1"),
            ],
            Service(WEB, from_config=True, process=AtRest()),
        ),
        ([ServiceAdded(PLAIN, from_config=True), ServiceFailed("why")], FAILED),
        ([ServiceAdded(PLAIN, from_config=True), ServiceRemoved()], NONE),
        ([ServiceExited("s1"), ServiceRemoved()], NONE),
    ],
)
def test_evolve(events: list[ServiceEvent], service: AnyService) -> None:
    state: AnyService = NONE
    for event in events:
        state = evolve(state, event)
    assert state == service
