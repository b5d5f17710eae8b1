"""Which route a request belongs to."""

from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.proxy.routes import Route, Routes, lacks_final_slash
from web.proxy.target import Target, parse_target

HUB = parse_target("http://127.0.0.1:8081")


def table(*specs: str) -> Routes:
    return Routes([Route(spec, HUB) for spec in specs])


def spec_of(routes: Routes, path: str, host: str = "hub.example") -> str | None:
    found = routes.find(host.encode(), path.encode())
    return found and found.spec


@pytest.mark.parametrize(
    ("path", "spec"),
    [
        ("/", "/"),
        ("/hub/home", "/"),
        ("/user/alice", "/user/alice/"),
        ("/user/alice/", "/user/alice/"),
        ("/user/alice/lab/tree", "/user/alice/"),
        ("/user/alice2/lab", "/"),
        ("/user/alice/gpu", "/user/alice/gpu/"),
        ("/user/alice/gpu/api", "/user/alice/gpu/"),
        ("/user/alice/gpu2/api", "/user/alice/"),
        ("/user//alice/", "/"),
        ("//user/alice/", "/"),
        ("/user/%61lice/", "/user/alice/"),
        ("/user/x%20y%C3%A9/lab", "/user/x%20y%C3%A9/"),
        ("/user/x y\u00e9/lab", "/user/x%20y%C3%A9/"),
        ("/user/alice%2Fgpu/api", "/user/alice/gpu/"),
        ("/" * 30_000, "/"),
    ],
)
def test_the_longest_prefix_on_segment_borders_wins(path: str, spec: str) -> None:
    routes = table("/", "/user/alice/", "/user/alice/gpu/", "/user/x%20y%C3%A9/")
    assert spec_of(routes, path) == spec


def test_what_no_route_covers_is_nobodys() -> None:
    assert spec_of(table("/base/"), "/other") is None
    assert spec_of(table("/base/"), "/base/hub/home") == "/base/"
    assert spec_of(table(), "/") is None


@pytest.mark.parametrize(
    ("host", "path", "spec"),
    [
        ("u1.hub.example", "/user/u1/lab", "u1.hub.example/user/u1/"),
        ("U1.hub.example:8000", "/user/u1/lab", "u1.hub.example/user/u1/"),
        ("u1.hub.example", "/hub/home", "/"),
        ("hub.example", "/user/u1/lab", "/"),
        ("[::1]:8000", "/user/u1/lab", "[::1]/user/u1/"),
        ("", "/user/u1/lab", "/"),
    ],
)
def test_a_route_may_begin_with_a_host(host: str, path: str, spec: str) -> None:
    routes = table("/", "u1.hub.example/user/u1/", "[::1]/user/u1/")
    assert spec_of(routes, path, host) == spec


def test_changes_set_and_remove() -> None:
    routes = table("/", "/user/alice/")
    routes.change([Route("/user/bob/", HUB)], ["/user/alice/", "/user/nobody/"])
    assert spec_of(routes, "/user/bob/lab") == "/user/bob/"
    assert spec_of(routes, "/user/alice/lab") == "/"
    routes.replace([Route("/", HUB)])
    assert spec_of(routes, "/user/bob/lab") == "/"
    assert len(routes) == 1


ALICE, BOB, ROOT = "/user/alice/", "/user/bob/", "/"


@pytest.mark.parametrize(
    ("told", "removed", "ended"),
    [
        ([], [ALICE], [ALICE]),
        ([], ["/user/%61lice/"], [ALICE]),
        ([], ["/user/nobody/"], []),
        ([ALICE], [], [ALICE]),  # told anew, to where it led before
        ([BOB], [], []),
        ([BOB], [ALICE], [ALICE]),
        ([ALICE], [ALICE], [ALICE]),
    ],
)
def test_a_change_ends_what_it_names(told: list[str], removed: list[str], ended: list[str]) -> None:
    routes = table(ROOT, ALICE)
    before = {route.spec: route for spec in (ROOT, ALICE) if (route := routes.find(b"", spec.encode()))}
    assert [route.spec for route in routes.change([Route(spec, HUB) for spec in told], removed)] == ended
    assert {spec for spec, route in before.items() if not routes.is_current(route)} == set(ended)
    for spec in told:
        found = routes.find(b"", spec.encode())
        assert found is not None
        assert routes.is_current(found)


def test_the_hubs_own_route_stays_as_long_as_it_leads_to_the_same_place() -> None:
    """A proxy that has just been told its first table may be on its way to the hub with somebody's request."""
    hub, elsewhere = Route("/", HUB, is_hub=True), parse_target("http://127.0.0.1:9")
    routes = Routes([hub])
    first = routes.find(b"", b"/hub/")
    assert first is not None
    assert routes.replace([hub, Route("/user/alice/", HUB)]) == []
    assert routes.change([hub]) == []
    assert routes.is_current(first)
    assert routes.change([Route("/", elsewhere, is_hub=True)]) == [first]
    moved = routes.find(b"", b"/hub/")
    assert moved is not None
    assert (moved.target, routes.is_current(first)) == (elsewhere, False)
    assert routes.change([Route("/", elsewhere)]) == [moved], "it is somebody else's now"


def test_a_table_told_anew_ends_all_that_were_there() -> None:
    routes = table(ROOT, ALICE)
    before = routes.find(b"", ALICE.encode())
    assert before is not None
    assert {route.spec for route in routes.replace([Route(ROOT, HUB), Route(ALICE, HUB)])} == {ROOT, ALICE}
    assert not routes.is_current(before)


changes = st.tuples(
    st.lists(st.sampled_from([ROOT, ALICE, BOB]), unique=True),
    st.lists(st.sampled_from([ROOT, ALICE, BOB]), unique=True),
    st.booleans(),
)


@given(st.lists(changes, max_size=8))
def test_each_generation_ends_once_and_none_comes_twice(
    steps: list[tuple[list[str], list[str], bool]],
) -> None:
    routes, current, seen = Routes(), dict[str, Route](), set[int]()
    for told, removed, anew in steps:
        new = [Route(spec, HUB) for spec in told]
        ended = routes.replace(new) if anew else routes.change(new, removed)
        gone = set(current) if anew else set(current) & {*told, *removed}
        assert sorted(route.generation for route in ended) == sorted(current.pop(s).generation for s in gone)
        assert not any(map(routes.is_current, ended))
        for spec in told:
            current[spec] = next(route for route in [routes.find(b"", spec.encode())] if route)
            assert current[spec].generation not in seen
            seen.add(current[spec].generation)
        assert all(map(routes.is_current, current.values()))


@pytest.mark.parametrize(
    ("spec", "path", "lacks"),
    [
        ("/user/alice/", "/user/alice", True),
        ("/user/alice/", "/user/%61lice", True),
        ("/user/alice/", "/user/alice/", False),
        ("/user/alice/", "/user/alice/lab", False),
        ("/user/x%20y/", "/user/x%20y", True),
        ("u1.hub.example/user/u1/", "/user/u1", True),
        ("/", "/", False),
        ("//evil.example/", "//evil.example", False),
    ],
)
def test_a_route_without_its_last_slash_is_noticed(spec: str, path: str, lacks: bool) -> None:
    assert lacks_final_slash(Route(spec, HUB), path.encode()) is lacks


segments = st.text(st.sampled_from("ab%/ \u00e9"), min_size=1, max_size=3).map(
    lambda text: quote(text, safe="")
)
specs = st.lists(segments, max_size=4).map(lambda parts: "/" + "".join(part + "/" for part in parts))


@given(st.lists(specs, max_size=8), st.lists(specs, max_size=4), specs, st.booleans())
def test_the_table_agrees_with_a_plain_search(
    kept: list[str], removed: list[str], path: str, lacks_slash: bool
) -> None:
    path = (path.removesuffix("/") if lacks_slash else path) or "/"
    routes = table(*kept, *removed)
    routes.change([], removed)
    gone = {unquote_to_bytes(spec) for spec in removed}
    left = {unquote_to_bytes(spec): spec for spec in kept if unquote_to_bytes(spec) not in gone}
    decoded = unquote_to_bytes(path) + b"/"  # without its last slash it is still the route's
    expected = max((spec for spec in left if decoded.startswith(spec)), key=len, default=None)
    found = routes.find(b"", path.encode())
    assert (found and unquote_to_bytes(found.spec)) == expected


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://127.0.0.1:1234", Target("127.0.0.1", 1234, b"127.0.0.1:1234")),
        ("http://127.0.0.1:1234/", Target("127.0.0.1", 1234, b"127.0.0.1:1234")),
        ("http://node7/prefix/", Target("node7", 80, b"node7", b"/prefix")),
        ("http://[::1]:80", Target("::1", 80, b"[::1]:80")),
        ("http+unix://%2Frun%2Fhub.sock", Target("/run/hub.sock", 0, b"localhost")),
    ],
)
def test_targets(url: str, target: Target) -> None:
    assert parse_target(url) == target


@pytest.mark.parametrize(
    "url", ["", "https://x", "127.0.0.1:1", "http://", "http://h:port", "http://h\u00e9/\u00e9"]
)
def test_what_cannot_be_reached_is_no_target(url: str) -> None:
    with pytest.raises(ValueError):
        parse_target(url)
