"""Why somebody may do something, or may not: by the routes as they are declared, and what scopes come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never, cast

from msgspec import Struct
from quart import Response

from core.errors import ForbiddenError, InvalidError, NotFoundError
from core.scopes import (
    Answer,
    Explanation,
    Grant,
    Owner,
    Resource,
    Scopes,
    User,
    check,
    check_any,
    explain,
    least,
    listed,
)
from projections import users
from web.request.access import IDENTIFIED, Access, Identified, Lists, Needs, Open, TheProxy, resource
from web.request.answers import reply
from web.request.context import body, caller, database, extensions, hub
from web.request.routing import ROUTES, NoRouteError, Route, RouteGroup, Routes, defaults_of

endpoints = RouteGroup("explain")


class Question(Struct, frozen=True, forbid_unknown_fields=True):
    """May this user or service (by default: the caller, with the credential it uses) do this?"""

    path: str
    method: str = "GET"
    user: str | None = None
    service: str | None = None


class Subject(Struct, frozen=True):
    """Whom the question is about. `scopes`: of the credential in use, where that allows less than its owner may."""

    name: str
    owner: Owner
    grants: list[Grant]
    scopes: Scopes | None = None


class Reply(Struct, frozen=True):
    """`scopes`: any one of them would do. `missing`: the least that would, if it is not allowed."""

    allowed: bool
    scopes: tuple[str, ...]
    through: tuple[Grant, ...]
    elsewhere: tuple[Grant, ...]
    missing: tuple[str, ...]
    message: str


@endpoints.post("/explain", access=IDENTIFIED, takes=Question, answers={200: Reply}, refusals=(404,))
async def ask(**_: str) -> Response:
    """Why a request would be allowed, or would not be.

    Everybody may ask about themselves, and about others whoever may administer them.
    """
    question = await body(Question)
    subject = _subject(question)
    route, names = _route(question)
    return reply(_answer(subject, route.access, names))


# --- whom and what it is about ---


def _subject(question: Question) -> Subject:
    if question.user is not None and question.service is not None:
        raise InvalidError("Ask about a user or about a service, not both.")
    identity = caller()
    about = ("user", question.user) if question.user is not None else ("service", question.service)
    if about == ("service", None) or about == (identity.kind, identity.name):
        return _subject_called(identity.kind, identity.name, identity.scopes)
    _check_may_ask(User(question.user) if question.user is not None else None)
    return _subject_called(*cast(tuple[str, str], about), None)


def _check_may_ask(about: Resource | None) -> None:
    """Raises ForbiddenError, the same whether or not there is such a user."""
    if check(caller().scopes, "admin:users", about, hub().rights.memberships) is not Answer.ALLOWED:
        (needed,) = least(["admin:users"], about)
        raise ForbiddenError(f"To ask about others you need the scope {needed}.")


def _subject_called(kind: str, name: str, scopes: Scopes | None) -> Subject:
    the_hub = hub()
    if kind == "service":
        if name not in the_hub.services:
            raise NotFoundError(f"There is no service named {name!r}.")
        return Subject(name, Owner(service=name), the_hub.rights.grants_of_service(name), scopes)
    row = users.by_name(database(), name)
    if row is None:
        raise NotFoundError(f"There is no user named {name!r}.")
    return Subject(name, Owner(user=name), the_hub.rights.grants_of_user(row), scopes)


def _route(question: Question) -> tuple[Route, Mapping[str, str]]:
    """The route a request would reach. Raises NotFoundError, InvalidError where there is none for the method."""
    path = question.path.partition("?")[0]
    routes: Routes = extensions()[ROUTES]
    try:
        found = routes.match(path, question.method.upper())
    except NoRouteError as none:
        if none.allowed:
            raise InvalidError(f"{question.method[:20]} is no method of {path[:200]!r}.") from None
        raise NotFoundError(f"There is nothing at {path[:200]!r}.") from None
    return found.route, {**defaults_of(found.route.handler), **found.names}


# --- the answer ---


def _answer(subject: Subject, access: Access, names: Mapping[str, Any]) -> Reply:
    match access:
        case Open() | Identified():
            message = (
                "Anybody may do this." if isinstance(access, Open) else "Anybody the hub knows may do this."
            )
            return Reply(True, (), (), (), (), message)
        case TheProxy():
            return Reply(False, (), (), (), (), "Only the proxy of this hub may do this.")
        case Needs(scopes):
            about = resource(names)
            return _as_reply(subject, scopes, about, _explain(subject, scopes, about))
        case Lists(scope):
            return _as_reply(subject, (scope,), None, _explain_list(subject, scope))
        case _:
            assert_never(access)


def _explain(subject: Subject, scopes: tuple[str, ...], about: Resource | None) -> Explanation:
    rights = hub().rights
    return explain(subject.grants, subject.owner, scopes, about, rights.memberships, rights.table)


def _explain_list(subject: Subject, scope: str) -> Explanation:
    """Any form of the scope lets the caller list, if not everything."""
    found = _explain(subject, (scope,), None)
    rights = hub().rights
    usable = tuple(
        grant
        for grant in subject.grants
        if listed(rights.expanded([grant.scope], subject.owner), scope) is not None
    )
    if found.answer is Answer.ALLOWED or not usable:
        return found
    return Explanation(Answer.ALLOWED, usable)


def _as_reply(subject: Subject, scopes: tuple[str, ...], about: Resource | None, found: Explanation) -> Reply:
    if found.answer is not Answer.ALLOWED:
        needed = " or ".join(found.missing)
        others = " They hold such a scope, but for something else." if found.elsewhere else ""
        message = f"{subject.name} lacks the scope for this: it needs {needed}.{others}"
        return Reply(False, scopes, (), found.elsewhere, found.missing, message)
    if _is_narrowed(subject, scopes, about):
        missing = least(scopes, about)
        message = f"{subject.name} may, but this token does not: it would need {' or '.join(missing)}."
        narrowed = tuple(Grant(f"{grant.source}; token narrows", grant.scope) for grant in found.through)
        return Reply(False, scopes, (), (*narrowed, *found.elsewhere), missing, message)
    sources = dict.fromkeys(grant.source for grant in found.through)
    message = f"{subject.name} may, through {', '.join(sources)}."
    return Reply(True, scopes, found.through, found.elsewhere, (), message)


def _is_narrowed(subject: Subject, scopes: tuple[str, ...], about: Resource | None) -> bool:
    """Whether the credential in use allows less here than its owner may."""
    if subject.scopes is None:
        return False
    if about is None and len(scopes) == 1 and scopes[0].startswith("list:"):
        return listed(subject.scopes, scopes[0]) is None
    return check_any(subject.scopes, scopes, about, hub().rights.memberships) is not Answer.ALLOWED
