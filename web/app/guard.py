"""What stands before every handler: who asks, may they, and has this very command been carried out before?"""

from __future__ import annotations

from quart import Response

from core.errors import ForbiddenError
from web.request import answers
from web.request.access import Needs, Open, check_access
from web.request.client_address import address_of
from web.request.context import asked, hub, kept, raw_body
from web.request.credentials import identify
from web.request.facts import request_facts
from web.request.idempotency import once
from web.request.language import language_of
from web.request.routing import Handler, Route, defaults_of
from web.request.sent.forms import received_form
from web.request.to_login import to_login
from web.rights.aliases import under_present_name
from web.rights.identity import Identity
from web.texts.translate import speak


def guarded_handler(route: Route) -> Handler:
    """The handler behind the check."""
    left_out = defaults_of(route.handler)

    async def guarded(**given: str) -> Response:
        if route.page and hub().hosts.is_below(asked().host):
            return on_the_hubs_host()
        kept().route = route
        if route.page:
            speak(language_of(asked()))
        if not (route.page and route.method == "POST"):
            return await let_in(given)
        async with received_form(route):
            return await let_in(given)

    async def let_in(given: dict[str, str]) -> Response:
        the_hub, g = hub(), kept()
        found = identify(route) or await _logged_in_for(route)
        identity = g.identity = await the_hub.acts.login_refresh.confirmed(found, request_facts)
        if identity is None and route.page and not isinstance(route.access, Open):
            return to_login()
        names = under_present_name(the_hub.store.db, identity, {**left_out, **given})
        check_access(route.access, identity, names, the_hub.rights.memberships)
        if route.method == "GET":
            return await answers.with_etag(asked(), await route.handler(**names))
        return await once(lambda: route.handler(**names))

    return guarded


async def _logged_in_for(route: Route) -> Identity | None:
    """Whoever the body's `auth` belongs to, on routes where that will do."""
    if not (isinstance(route.access, Needs) and route.access.or_login):
        return None
    sent = await raw_body()
    credentials = sent.get("auth") if isinstance(sent, dict) else None
    if not isinstance(credentials, dict):
        return None
    return await hub().acts.credential_login.identify(
        credentials, address=address_of(asked()), request=request_facts()
    )


def on_the_hubs_host() -> Response:
    """Where a user's server is at home their scripts are too: no page of the hub is shown there."""
    if asked().method != "GET":
        raise ForbiddenError("Pages of the hub are on its own host.")
    request = asked()
    query = request.query_string.decode("latin-1")
    return answers.redirect(f"{hub().hosts.on_hub(request.path)}{f'?{query}' if query else ''}")
