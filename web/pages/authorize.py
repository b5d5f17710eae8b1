"""Where a browser is wanted whether a server or service may know who it belongs to, and act for them."""

from __future__ import annotations

from quart import Response
from quart.wrappers import Request

from core.errors import ForbiddenError
from projections import tokens, users
from projections.users import UserRow
from web.oauth.provider import AuthorizationRequest, Elsewhere, Provider
from web.pages.parts.consent_form import consent_form
from web.request.access import IDENTIFIED
from web.request.answers import redirect
from web.request.context import asked, by, caller, database, hub, kept
from web.request.routing import RouteGroup
from web.request.sent.forms import form

endpoints = RouteGroup("authorize", page=True)


@endpoints.get("/oauth2/authorize", access=IDENTIFIED, statuses=(200, 302, 400, 403))
async def ask() -> Response:
    """The page that asks; or on at once, where there is nothing to ask."""
    user, provider = _user(), hub().acts.oauth
    try:
        wanted = provider.look(_query(asked()), user)
    except Elsewhere as told:
        return redirect(told.location)
    _check_may_use(wanted)
    if _needs_no_asking(wanted, user):
        return await _agree(provider, user, wanted.granted)
    return await consent_form(wanted)


@endpoints.post("/oauth2/authorize", access=IDENTIFIED, statuses=(302, 400, 403))
async def agree() -> Response:
    """The user has agreed to these scopes; none: only to say who they are."""
    user, provider = _user(), hub().acts.oauth
    try:
        wanted = provider.look(_query(asked()), user)
    except Elsewhere as told:
        return redirect(told.location)
    _check_may_use(wanted)
    return await _agree(provider, user, form().fields.getlist("scopes"))


async def _agree(provider: Provider, user: UserRow, scopes: list[str]) -> Response:
    session = kept().session
    session_id = session.id if session is not None else None
    return redirect(
        await provider.agree(
            _query(asked()), user, scopes or list(_NOTHING_MORE), session_id=session_id, by=by()
        )
    )


_NOTHING_MORE = ("identify",)


def _query(asking: Request) -> str:
    return asking.query_string.decode("latin-1")


def _user() -> UserRow:
    user = users.by_id(database(), caller().id)
    if user is None:
        raise ForbiddenError("Only users can let others act for them.")
    return user


def _check_may_use(wanted: AuthorizationRequest) -> None:
    if not wanted.consent.may_use_client():
        raise ForbiddenError(f"You do not have permission to access {wanted.client.description}.")


def _needs_no_asking(wanted: AuthorizationRequest, user: UserRow) -> bool:
    """A server of one's own, a service that administrators trust, or what was agreed to before."""
    if wanted.client.user == user.id or wanted.client.trusted:
        return True
    given = [row for row in tokens.of_owner(database(), f"user/{user.id}") if row.client == wanted.client.key]
    agreed = {scope for row in given for scope in row.raw_scopes()}
    return bool(agreed) and set(wanted.granted) <= agreed
