"""Whether somebody may: the three answers the API knows, and the reasons behind them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import assert_never

from msgspec import Struct

from core.scopes.expand import expand
from core.scopes.held import (
    EVERYWHERE,
    Group,
    Memberships,
    Reach,
    Resource,
    Scopes,
    Server,
    Service,
    User,
    covers,
)
from core.scopes.parse import Owner
from core.scopes.table import STANDARD, ScopeTable


class Answer(Enum):
    ALLOWED = "allowed"
    HIDDEN = "hidden"  # held, but for other things: answer as if this one did not exist (404)
    ABSENT = "absent"  # not held at all (403)


def check(scopes: Scopes, name: str, resource: Resource | None, memberships: Memberships) -> Answer:
    """Resource None: the hub as a whole, for which a scope with a filter counts as none."""
    reach = scopes.held.get(name)
    if reach is None:
        return Answer.ABSENT
    if reach.everywhere:
        return Answer.ALLOWED
    if resource is None:
        return Answer.ABSENT
    return Answer.ALLOWED if covers(reach, resource, memberships) else Answer.HIDDEN


def check_any(
    scopes: Scopes, names: Iterable[str], resource: Resource | None, memberships: Memberships
) -> Answer:
    """Any one of these scopes will do; the best answer counts."""
    best = Answer.ABSENT
    for name in names:
        answer = check(scopes, name, resource, memberships)
        if answer is Answer.ALLOWED:
            return answer
        if answer is Answer.HIDDEN:
            best = answer
    return best


def listed(scopes: Scopes, name: str) -> Reach | None:
    """What a list may show: everything, or these and (for `list:users`) the members of these groups.

    `name` is `list:users`, `list:groups` or `list:services`. None: it may not be asked for (403), for the
    scope is absent or all its filters are of another kind.
    """
    reach = scopes.held.get(name)
    if reach is None:
        return None
    if reach.everywhere:
        return EVERYWHERE
    return _of_kind(reach, name) or None


def _of_kind(reach: Reach, name: str) -> Reach:
    match name:
        case "list:users":
            return Reach(users=reach.users, groups=reach.groups)
        case "list:groups":
            return Reach(groups=reach.groups)
        case "list:services":
            return Reach(services=reach.services)
        case _:
            raise AssertionError(f"{name} is not a scope of lists")


class Grant(Struct, frozen=True):
    """A raw scope and where it came from: `role admin`, `group students, role x`, `share of alice/lab`."""

    source: str
    scope: str


class Explanation(Struct, frozen=True):
    """`through`: what allows it. `elsewhere`: what would, were it not for its filter.

    `missing`: if it is not allowed, the least that would do: any one of these.
    """

    answer: Answer
    through: tuple[Grant, ...] = ()
    elsewhere: tuple[Grant, ...] = ()
    missing: tuple[str, ...] = ()


def explain(
    grants: Iterable[Grant],
    owner: Owner,
    names: Iterable[str],
    resource: Resource | None,
    memberships: Memberships,
    table: ScopeTable = STANDARD,
) -> Explanation:
    """Why the owner of these grants may, or may not, do what any one of these scopes allows."""
    names = tuple(names)
    by_answer: dict[Answer, list[Grant]] = {answer: [] for answer in Answer}
    for grant in grants:
        held = expand(frozenset((grant.scope,)), owner, table)
        by_answer[check_any(held, names, resource, memberships)].append(grant)
    through, elsewhere = by_answer[Answer.ALLOWED], by_answer[Answer.HIDDEN]
    if through:
        return Explanation(Answer.ALLOWED, tuple(through), tuple(elsewhere))
    found = Answer.HIDDEN if elsewhere else Answer.ABSENT
    return Explanation(found, (), tuple(elsewhere), least(names, resource))


def least(names: Iterable[str], resource: Resource | None) -> tuple[str, ...]:
    """The narrowest form in which each of these scopes covers the resource."""
    return tuple(name + _filter_for(resource) for name in names)


def _filter_for(resource: Resource | None) -> str:
    match resource:
        case None:
            return ""
        case User(name):
            return f"!user={name}"
        case Server(user, name):
            return f"!server={user}/{name}"
        case Group(name):
            return f"!group={name}"
        case Service(name):
            return f"!service={name}"
        case _:
            assert_never(resource)
