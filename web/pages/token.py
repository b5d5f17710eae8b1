"""The page of one's tokens, and of the applications that were let in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from markupsafe import Markup
from msgspec import Struct
from quart import Response

from core.errors import HubError, InvalidError
from core.events.file.writer import Outcome
from core.events.user import user_stream
from projections import tokens
from projections.tokens import TokenRow
from projections.users import UserRow
from web.hook_views.rows import moment
from web.models.models import TokenModel
from web.pages.home import myself
from web.pages.parts.render import page
from web.request.access import IDENTIFIED, check_access, needs
from web.request.answers import redirect
from web.request.context import asked, by, caller, database, hub, scopes
from web.request.errors import status_of
from web.request.idempotency import FORM_KEY, idempotency_record
from web.request.known import known_token
from web.request.routing import RouteGroup
from web.request.sent.forms import form
from web.request.sent.numerals import whole_number
from web.rights.identity import is_valid
from web.rights.oauth_clients import title
from web.rights.oauth_scopes import Described, in_words
from web.sharing.issuing import HUB_CLIENT
from web.texts.translate import N_, _, ngettext, number

endpoints = RouteGroup("token_page", page=True)

MAY = needs("tokens")

EXPIRIES = (
    (3600, N_("1 hour")),
    (86_400, N_("1 day")),
    (7 * 86_400, N_("1 week")),
    (30 * 86_400, N_("1 month")),
    (365 * 86_400, N_("1 year")),
)


class ShownToken(Struct, frozen=True, kw_only=True):
    """The names are those of JupyterHub's rows, on which customised templates rely."""

    id: str
    api_id: str
    note: str
    scopes: list[str]
    created: datetime
    last_activity: datetime | None
    expires_at: datetime | None


class Application(Struct, frozen=True, kw_only=True):
    """An OAuth client that was let in; `token_id`: of any of its tokens, for all go together."""

    token_id: str
    description: str
    scopes: list[str]
    created: datetime
    last_activity: datetime | None
    token_count: int
    tokens: list[ShownToken]


@endpoints.get("/token", access=IDENTIFIED)
async def show() -> Response:
    return await _shown_page(myself())


@endpoints.post("/token", access=IDENTIFIED, statuses=(200, 302, 400, 403, 404, 409))
async def submit() -> Response:
    """Where no script runs: a token is requested and shown, this once; or one is revoked."""
    me, fields = myself(), form().fields
    check_access(MAY, caller(), {"user": me.name}, hub().rights.memberships)
    if "revoke" in fields:
        outcome = idempotency_record(lambda _: Outcome(302))
        found = known_token(me, fields["revoke"])
        await hub().acts.tokens.revoke(found, by=by(), idempotency=outcome)
        return redirect(asked().path)
    try:
        secret = await _issued(me, fields)
    except HubError as refused:
        return await _shown_page(me, status_of(refused), token_error=refused.message, given=fields)
    return await _shown_page(me, new_token=secret)


async def _issued(me: UserRow, fields: Mapping[str, str]) -> str:
    """The token that this form asks for: the same, if it is sent again."""
    wanted, seconds = fields.get("scopes", "").replace(",", " ").split(), fields.get("expires_in", "")
    expires_in = whole_number(seconds)
    if seconds and expires_in is None:
        raise InvalidError("expires_in is a number of seconds, at least 1.")
    issuing, key = hub().acts.tokens, fields.get(FORM_KEY, "")
    new = issuing.new(me, wanted or None, fields.get("note", ""), expires_in, form=key)
    await issuing.issue(new, by=by())
    return new.secret


async def _shown_page(
    me: UserRow,
    status: int = 200,
    *,
    given: Mapping[str, str] | None = None,
    new_token: str = "",
    token_error: str = "",
) -> Response:
    """`given`: what had been typed into a form that was refused."""
    rows = [row for row in tokens.of_owner(database(), user_stream(me.id)) if is_valid(row)]
    own = [_shown(hub().models.token(row, me.name)) for row in rows if row.client == HUB_CLIENT]
    most = hub().settings.hub.token_expires_in_max_seconds
    return await page(
        "token.html",
        status,
        api_tokens=sorted(own, key=_last_used, reverse=True),
        oauth_clients=_applications([row for row in rows if row.client != HUB_CLIENT], me.name),
        token_expires_in_options_html=expiry_options(most),
        token_expires_in_max_seconds=most,
        auth_state=hub().logins.auth_states.of(me.id),
        new_token=new_token,
        token_error=token_error,
        given={name: (given or {}).get(name, "") for name in ("note", "scopes")},
        held_scopes=_held(me.name),
    )


def _held(name: str) -> list[Described]:
    """All that this user may give to a token, as they would write it."""
    return [
        in_words(scope.replace(f"!user={name}", "!user"), hub().rights.table)
        for scope in scopes().as_strings()
    ]


def _shown(model: TokenModel) -> ShownToken:
    created = moment(model.created)
    assert created is not None
    return ShownToken(
        id=model.id,
        api_id=model.id,
        note=model.note,
        scopes=model.scopes,
        created=created,
        last_activity=moment(model.last_activity),
        expires_at=moment(model.expires_at),
    )


def _last_used(token: ShownToken) -> datetime:
    return token.last_activity or token.created


def _applications(rows: Iterable[TokenRow], name: str) -> list[Application]:
    by_client: dict[str, list[TokenRow]] = {}
    for row in rows:
        by_client.setdefault(row.client, []).append(row)
    return [_application(client, its, name) for client, its in by_client.items()]


def _application(client: str, its: list[TokenRow], name: str) -> Application:
    models = [hub().models.token(row, name) for row in its]
    shown = [_shown(model) for model in models]
    return Application(
        token_id=its[0].id,
        description=title(client, models[0].oauth_client or client),
        scopes=sorted({scope for token in shown for scope in token.scopes}),
        created=min(token.created for token in shown),
        last_activity=max((token.last_activity for token in shown if token.last_activity), default=None),
        token_count=len(its),
        tokens=shown,
    )


def expiry_options(most: int) -> Markup:
    """Those within the limit and the limit itself; without a limit the last is never."""
    options = [(str(seconds), _(text)) for seconds, text in EXPIRIES if not most or seconds < most]
    last = _longest(most) if most else ("", _("Never"))
    lines = [_option(value, text, value == last[0]) for value, text in [*options, last]]
    return Markup("\n").join(lines)


def _longest(most: int) -> tuple[str, str]:
    in_words = {seconds: _(text) for seconds, text in EXPIRIES}
    duration = in_words.get(most) or ngettext("{number} second", "{number} seconds", most).format(
        number=number(most)
    )
    return str(most), _("{duration} (the longest)").format(duration=duration)


def _option(value: str, text: str, selected: bool) -> Markup:
    chosen = Markup(" selected") if selected else Markup("")
    return Markup('<option value="{}"{}>{}</option>').format(value, chosen, text)
