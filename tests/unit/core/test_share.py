from __future__ import annotations

import pytest

from core.events.share import ShareEvent, ShareGranted, ShareNarrowed, ShareRevoked, ShareWidened
from core.scopes import ScopeError, Server
from core.share import (
    AnyShare,
    Command,
    GrantShare,
    NoShare,
    Revoke,
    Share,
    decide,
    evolve,
    meant_on,
    scopes_on,
    without_filter,
)

ACCESS, READ, START = "access:servers", "read:servers", "start:servers"


def grant(*scopes: str) -> GrantShare:
    return GrantShare("u1", "v1", "user/u2", frozenset(scopes))


def granted(*scopes: str) -> ShareGranted:
    return ShareGranted("u1", "v1", "user/u2", list(scopes))


def share(*scopes: str) -> Share:
    return Share(frozenset(scopes))


def revoke(*scopes: str) -> Revoke:
    return Revoke(frozenset(scopes))


@pytest.mark.parametrize(
    ("before", "command", "events", "after"),
    [
        (NoShare(), grant(READ, ACCESS), [granted(ACCESS, READ)], share(ACCESS, READ)),
        (share(ACCESS), grant(ACCESS), [], share(ACCESS)),
        (share(ACCESS), grant(START, READ), [ShareWidened([READ, START])], share(ACCESS, READ, START)),
        (share(ACCESS, READ), grant(READ), [], share(ACCESS, READ)),
        (NoShare(), Revoke(), [], NoShare()),
        (NoShare(), revoke(ACCESS), [], NoShare()),
        (share(ACCESS), Revoke(), [ShareRevoked()], NoShare()),
        (share(ACCESS), revoke(), [], share(ACCESS)),
        (share(ACCESS), revoke(READ), [], share(ACCESS)),
        (share(ACCESS), revoke(ACCESS, READ), [ShareRevoked()], NoShare()),
        (share(ACCESS, READ), revoke(READ, START), [ShareNarrowed([READ])], share(ACCESS)),
    ],
)
def test_decide(before: AnyShare, command: Command, events: list[ShareEvent], after: AnyShare) -> None:
    assert decide(before, command) == events
    for event in events:
        before = evolve(before, event)
    assert before == after


@pytest.mark.parametrize("event", [ShareWidened([READ]), ShareNarrowed([READ]), ShareRevoked()])
def test_nothing_comes_back_by_late_events(event: ShareEvent) -> None:
    assert evolve(NoShare(), event) == NoShare()


def test_a_share_can_be_granted_again() -> None:
    assert evolve(evolve(share(ACCESS), ShareRevoked()), granted(READ)) == share(READ)


def test_scopes_are_recorded_without_their_server_and_shown_with_it() -> None:
    shown = scopes_on("bob", "lab", [ACCESS, READ])
    assert shown == ["access:servers!server=bob/lab", "read:servers!server=bob/lab"]
    assert without_filter(shown) == {ACCESS, READ}
    assert scopes_on("bob", "", [ACCESS]) == ["access:servers!server=bob/"]


@pytest.mark.parametrize(
    ("requested", "meant"),
    [
        (["access:servers!server=bob/lab"], {ACCESS}),
        (["access:servers!server=bob/lab", "read:servers"], {ACCESS}),
        (["access:servers!server=bob/", "access:servers!user=bob", "access:servers!server"], set()),
    ],
)
def test_only_scopes_with_the_filter_of_the_server_are_revoked(requested: list[str], meant: set[str]) -> None:
    assert meant_on(Server("bob", "lab"), requested) == meant


def test_revoking_nonsense_is_an_error() -> None:
    with pytest.raises(ScopeError):
        meant_on(Server("bob", "lab"), ["nonsense"])
