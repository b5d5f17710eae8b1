"""With whom a server is shared, and by which links: given, taken back and made by forms, with or without scripts.

What the forms do is what the REST API does, by the same acts and with the same checks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from quart import Response

from core.errors import HubError, InvalidError
from core.scopes import Server
from core.share import Revoke
from core.share_code import DEFAULT_LIFE
from projections.servers.servers import ServerRow
from projections.sharing.share_codes import ShareCodeRow
from projections.users import UserRow
from web.pages.parts.render import page
from web.pages.parts.server_rows import shown_server
from web.pages.parts.shared import FIRST, links, people
from web.request.access import needs
from web.request.context import asked, by, caller, database, hub
from web.request.errors import status_of
from web.request.idempotency import FORM_KEY
from web.request.known import known_owner_and_server
from web.request.routing import RouteGroup
from web.request.sent.forms import form
from web.request.sent.numerals import whole_number
from web.sharing.sharing import Grantee, known_share
from web.site.public_url import origin

endpoints = RouteGroup("share", page=True)

MAY = needs("shares")
PATHS = ("/share/<user>", "/share/<user>/<maybe:server>")
OPEN, RUN = "open", "run"
GIVES: Mapping[str, Collection[str]] = {OPEN: ("access:servers",), RUN: ("access:servers", "servers")}

Fields = Mapping[str, str]
Answers = Awaitable[Mapping[str, Any]]


@endpoints.get(*PATHS, access=MAY, statuses=(200, 404))
async def show(user: str, server: str = "") -> Response:
    return await _page(*known_owner_and_server(user, server))


@endpoints.post(*PATHS, access=MAY, statuses=(200, 400, 403, 404))
async def submit(user: str, server: str = "") -> Response:
    """`act` says which of the forms it was."""
    owner, row = known_owner_and_server(user, server)
    fields = {name: text.strip() for name, text in form().fields.items()}
    act = ACTS.get(fields.get("act", ""))
    if act is None:
        raise InvalidError("This form is none of this page's.")
    try:
        shown = await act(owner, row, fields)
    except HubError as error:
        return await _page(
            owner, row, status_of(error), error=error.message, failed=fields["act"], given=fields
        )
    return await _page(owner, row, **shown)


# --- what the forms do ---


async def _grant(owner: UserRow, server: ServerRow, fields: Fields) -> Mapping[str, Any]:
    to, sharing = _grantee(fields), hub().acts.sharing
    command = sharing.to_grant(caller(), server, to, _scopes(owner, server, fields))
    await sharing.grant(command, by=by())
    return {"done": "granted", "whom": to}


async def _revoke(owner: UserRow, server: ServerRow, fields: Fields) -> Mapping[str, Any]:
    """What they had can be given again as it was."""
    to, sharing = _grantee(fields), hub().acts.sharing
    grantee = sharing.known(to)
    share = known_share(database(), server.id, grantee)
    await hub().sharing.revoke(server.id, grantee, Revoke(), by=by())
    return {"done": "revoked", "whom": to, "scopes": " ".join(share.scopes)}


async def _issue(owner: UserRow, server: ServerRow, fields: Fields) -> Mapping[str, Any]:
    """The link is shown this once: of its code only a digest is kept. A form that is sent again shows the same."""
    sharing, scopes = hub().acts.sharing, _scopes(owner, server, fields)
    sharing.check_may_share(caller(), scopes)
    new = sharing.new_code(server, scopes, _seconds(fields), form=fields.get(FORM_KEY, ""))
    model = hub().share_models.code(await sharing.issue(new, by=by()), new.code)
    return {
        "done": "issued",
        "link": f"{origin(asked(), hub().settings)}{model.accept_url}",
        "made": model.id,
    }


async def _withdraw(owner: UserRow, server: ServerRow, fields: Fields) -> Mapping[str, Any]:
    """Asks first: a link that is revoked cannot be had again."""
    code = _code(server, fields)
    if fields.get("sure") != "yes":
        return {"question": fields["id"]}
    await hub().sharing.withdraw(server.id, code.id, by=by())
    return {"done": "withdrawn"}


ACTS: Mapping[str, Callable[[UserRow, ServerRow, Fields], Answers]] = {
    "grant": _grant,
    "revoke": _revoke,
    "issue": _issue,
    "withdraw": _withdraw,
}


def _grantee(fields: Fields) -> Grantee:
    if not fields.get("name"):
        raise InvalidError("Say with whom: the name of a person or of a group.")
    return Grantee("group" if fields.get("kind") == "group" else "user", fields["name"])


def _scopes(owner: UserRow, server: ServerRow, fields: Fields) -> frozenset[str]:
    """As `may` says, or `scopes` where something is given again. Raises InvalidError."""
    of = Server(owner.name, server.name)
    given = fields.get("scopes", "").split() or [
        f"{name}!server={owner.name}/{server.name}" for name in GIVES.get(fields.get("may", OPEN), ())
    ]
    return hub().acts.sharing.scopes_to_share(given, of)


def _seconds(fields: Fields) -> int:
    seconds = whole_number(fields.get("expires_in", ""))
    return DEFAULT_LIFE if seconds is None else seconds


def _code(server: ServerRow, fields: Fields) -> ShareCodeRow:
    return hub().acts.sharing.known_code(server, fields.get("id", ""))


# --- the page ---


async def _page(owner: UserRow, server: ServerRow, status: int = 200, **shown: Any) -> Response:
    """`shown`: what was done (`done`, and `whom`, `link`, `scopes`), is asked (`question`), or is wrong (`error`)."""
    sharing, given, spawner = hub().acts.sharing, shown.pop("given", {}), await shown_server(owner, server)
    first = {which: _first(which) for which in ("people", "links")}
    return await page(
        "share.html",
        status,
        owner=owner.name,
        is_own=owner.id == caller().id,
        spawner=spawner,
        people=people(server, first["people"]),
        links=links(server, first["links"]),
        first=first,
        per_page=FIRST,
        may_name=[kind for kind in ("user", "group") if sharing.may_name_some(caller(), kind)],
        expires_in=given.get("expires_in") or str(DEFAULT_LIFE),
        given=given,
        action=spawner.share_url,
        auth_state=hub().logins.auth_states.of(owner.id),
        position=hub().store.head,
        **{"done": "", "error": "", "failed": "", "question": "", "whom": None, "link": "", "made": ""}
        | shown,
    )


def _first(which: str) -> int:
    """How many are left out before the page of that list that is shown."""
    return whole_number(asked().args.get(which, "")) or 0
