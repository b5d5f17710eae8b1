"""Extra routes: where they may lead, and whose they are."""

from __future__ import annotations

import pytest

from core.errors import ConflictError, HubError, InvalidError, NotFoundError
from core.events.route import RouteAdded, RouteEvent, RouteRemoved
from core.route import (
    Add,
    AnyRoute,
    Command,
    NoRoute,
    Remove,
    Route,
    check_free,
    check_target,
    decide,
    evolve,
    normal_spec,
)

NONE = NoRoute()
THEIRS = Route("http://h:1", from_config=False)
OURS = Route("http://h:1", from_config=True)


@pytest.mark.parametrize(
    ("route", "command", "outcome"),
    [
        (NONE, Add("/x/", "http://h:1"), [RouteAdded("/x/", "http://h:1", from_config=False)]),
        (THEIRS, Add("/x/", "http://h:1"), []),
        (THEIRS, Add("/x/", "http://h:2"), [RouteAdded("/x/", "http://h:2", from_config=False)]),
        (OURS, Add("/x/", "http://h:2"), ConflictError),
        (THEIRS, Add("/x/", "http://h:2", from_config=True), ConflictError),
        (OURS, Add("/x/", "http://h:1", from_config=True), []),
        (NONE, Remove(), NotFoundError),
        (THEIRS, Remove(), [RouteRemoved()]),
        (OURS, Remove(), ConflictError),
        (OURS, Remove(by_config=True), [RouteRemoved()]),
    ],
)
def test_decide(route: AnyRoute, command: Command, outcome: list[RouteEvent] | type[HubError]) -> None:
    if isinstance(outcome, list):
        assert decide(route, command) == outcome
    else:
        with pytest.raises(outcome):
            decide(route, command)


def test_evolve() -> None:
    added = evolve(NONE, RouteAdded("/x/", "http://h:1", from_config=True))
    assert added == OURS
    assert evolve(added, RouteRemoved()) == NONE


@pytest.mark.parametrize(
    ("path", "spec"),
    [
        ("/metrics/", "/metrics/"),
        ("metrics", "/metrics/"),
        ("%2Fa%2Fb%2F", "/a/b/"),
        ("/a b/é", "/a%20b/%C3%A9/"),
        ("/a@b/~c", "/a@b/~c/"),
        ("/", "/"),
    ],
)
def test_a_path_is_written_in_one_way(path: str, spec: str) -> None:
    assert normal_spec(path) == spec


@pytest.mark.parametrize(
    ("path", "spec"),
    [
        ("/a", "/a/"),
        ("Docs.Hub.test/a b", "docs.hub.test/a%20b/"),
        ("docs.hub.test%2Fa%2525b%2F", "docs.hub.test/a%2525b/"),
        ("docs.hub.test", "docs.hub.test/"),
    ],
)
def test_it_may_begin_with_a_host(path: str, spec: str) -> None:
    assert normal_spec(path, with_hosts=True) == spec


@pytest.mark.parametrize("path", ["", "a b/c", "..", "a..b/c", "a:80/c", "docs.hub.test/a//b"])
def test_hosts_are_names(path: str) -> None:
    with pytest.raises(InvalidError):
        normal_spec(path, with_hosts=True)


@pytest.mark.parametrize("path", ["/a//b", "/a/../b", "/./", "..", "/a\nb", "/%00", "/%ff", "/" + "x" * 1001])
def test_a_path_with_tricks_is_refused(path: str) -> None:
    with pytest.raises(InvalidError):
        normal_spec(path)


@pytest.mark.parametrize(
    ("spec", "free"),
    [
        ("/x/", True),
        ("/userx/", True),
        ("/b/x/", True),
        ("/user/", True),  # not below the base URL
        ("/b/", False),
        ("/b/hub/", False),
        ("/b/hub/x/", False),
        ("/b/user/alice/", False),
        ("/b/services/web/", False),
    ],
)
def test_what_is_the_hubs_is_not_free(spec: str, free: bool) -> None:
    if free:
        check_free(spec, "/b/", "/b/")
    else:
        with pytest.raises(ConflictError):
            check_free(spec, "/b/", "/b/")


@pytest.mark.parametrize(
    ("spec", "free"),
    [
        ("docs.hub.test/", True),
        ("docs.hub.test/hub.html/", True),
        ("hub.test/docs/", True),
        ("hub.test/", False),
        ("hub.test/hub/api/", False),
        ("alice.hub.test/user/alice/", False),
    ],
)
def test_what_is_the_hubs_on_hosts_is_not_free(spec: str, free: bool) -> None:
    if free:
        check_free(spec, "/", "/", "hub.test")
    else:
        with pytest.raises(ConflictError):
            check_free(spec, "/", "/", "hub.test")


def test_the_base_url_is_free_where_the_hub_has_a_smaller_part() -> None:
    check_free("/", "/", "/hub/")


@pytest.mark.parametrize("target", ["http://127.0.0.1:9000", "https://h/x/y", "http://[::1]:80"])
def test_a_target_is_http(target: str) -> None:
    assert check_target(target) == check_target(target + "/") == target


@pytest.mark.parametrize(
    "target",
    [
        "",
        "ftp://h",
        "http://",
        "http://u:p@h",
        "http://h?x",
        "http://h#x",
        "http://h:0",
        "http://h:99999",
        "http://h/é",
    ],
)
def test_other_targets_are_refused(target: str) -> None:
    with pytest.raises(InvalidError):
        check_target(target)
