"""What may become of a service, and what a definition may be."""

from __future__ import annotations

import pytest

from core.errors import AlreadyExistsError, ConfiguredError, HubError, InvalidError, NotFoundError
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
    check_service_name,
    decide,
    defined,
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


@pytest.mark.parametrize("name", ["web", "My Service", "a.b", "é", "a@b"])
def test_a_name_is_what_a_url_can_carry(name: str) -> None:
    assert check_service_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", "...", "a/b", " a", "a ", "a%20b", "a\nb", "x" * 256])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidError):
        check_service_name(name)


@pytest.mark.parametrize(
    ("wanted", "prefix", "client"),
    [
        (ServiceDefinition(), "", ""),
        (ServiceDefinition(url="https://h/x"), "/b/services/my%20web/", "service-my web"),
        (ServiceDefinition(oauth_redirect_uri="http://h/cb"), "", "service-my web"),
        (
            ServiceDefinition(oauth_redirect_uri="http://h/cb", oauth_client_id="service-other"),
            "",
            "service-other",
        ),
    ],
)
def test_who_has_a_url_or_a_redirect_uri_is_an_oauth_client(
    wanted: ServiceDefinition, prefix: str, client: str
) -> None:
    made = defined("my web", "/b/", wanted)
    assert (made.prefix, made.oauth_client_id) == (prefix, client)


@pytest.mark.parametrize(
    "wanted",
    [
        ServiceDefinition(url="ftp://h"),
        ServiceDefinition(url="http://"),
        ServiceDefinition(url="http://h:99999"),
        ServiceDefinition(url="127.0.0.1:9000"),
        ServiceDefinition(url="http://h", oauth_client_id="other"),
        ServiceDefinition(oauth_client_id="service-x"),
    ],
)
def test_a_definition_that_makes_no_sense_is_refused(wanted: ServiceDefinition) -> None:
    with pytest.raises(InvalidError):
        defined("web", "/", wanted)
