"""What `--hello` prints for somebody who tries a hub out: where it is, how to get in, and what to do with its API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin

from core.config.logins.login_checks import lets_everybody_in
from core.events.record import HUB
from core.events.user import user_stream
from core.naming.ids import new_id
from core.naming.names import escape
from core.token import Issue, new_token, prefix_of, quick_digest
from web.hub.hub import Hub
from web.lifecycle.reconcile import admins, ensure_user
from web.site.addresses import public_address

TOKEN_LIFE = timedelta(days=7)

TEXT = """
Callboard is running at {address}

Log in as {name}, an administrator, once within a quarter of an hour:

    {link}

{others}A token of {name} for the API, for a week:

    export TOKEN={token}

Start a server, watch it start, open it:

    curl -i -X POST -H "Authorization: token $TOKEN" {api}/users/{escaped}/server
    curl -N -H "Authorization: token $TOKEN" {api}/users/{escaped}/server/progress
    curl -H "Authorization: token $TOKEN" {address}user/{escaped}/api/status

Ctrl-C stops the hub and its servers.
"""
OTHERS = """To be somebody else use another browser: {address} lets in any name with any password.

"""


async def say_hello(hub: Hub) -> None:
    """Print it, with a link and a token made for the occasion."""
    name = next(iter(sorted(admins(hub.settings))), "admin")
    owner = await ensure_user(hub, name, admin=True)
    token = new_token()
    issue = Issue(
        user_stream(owner),
        quick_digest(token),
        ["inherit"],
        "first steps",
        datetime.now(UTC) + TOKEN_LIFE,
        prefix=prefix_of(token),
    )
    await hub.entities.tokens.ask(new_id("t"), issue, by=HUB)
    address = public_address(hub.settings.hub)
    text = TEXT.format(
        name=name,
        escaped=escape(name),
        token=token,
        address=address,
        api=f"{address}hub/api",
        link=urljoin(address, hub.acts.link_login.make(owner)),
        others=OTHERS.format(address=address) if lets_everybody_in(hub.settings) else "",
    )
    print(text, flush=True)
