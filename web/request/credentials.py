"""Who sent a request: by the token in its header, by the cookie of a browser's session, or nobody the hub knows.

A cookie counts only together with the proof that a page of the hub meant the request (web/sessions/xsrf.py).
"""

from __future__ import annotations

import secrets
import time
from typing import Protocol

from quart import Request

from core.errors import ForbiddenError
from core.scopes import NOTHING
from core.secrets.same_secret import same_secret
from projections.sessions import SessionRow
from web.hub.hub import Hub
from web.request.access import Access, Needs, Open
from web.request.client_address import address_of
from web.request.context import asked, hub, kept
from web.request.sent.refused_forms import SentForm, why_refused
from web.rights.identity import Identity, token_in
from web.sessions.cookies import XSRF
from web.sessions.proofs import Proof
from web.sessions.xsrf import PAGE_VIEWS, Fetch, is_foreign, needs_token
from web.site.public_url import browser_scheme, origin, own_hosts

MOST_XSRF = 10  # cookies of that name which are looked at: a browser has one
THE_PROXY = Identity("proxy", "embedded", "proxy", NOTHING)


class CredentialPolicy(Protocol):
    """What of a route decides which credentials count."""

    @property
    def method(self) -> str: ...
    @property
    def access(self) -> Access: ...
    @property
    def page(self) -> bool: ...
    @property
    def proof(self) -> Proof: ...
    @property
    def takes_tokens(self) -> bool: ...


def identify(route: CredentialPolicy) -> Identity | None:
    """Whoever the credentials of this request belong to; they were seen just now.

    Raises ForbiddenError for a cookie without the proof.
    """
    the_hub, asking = hub(), asked()
    kept().session = None
    identity = _by_token(the_hub, asking) if route.takes_tokens else None
    if identity is None and (route.page or _is_json()):
        session = kept().session = session_of(the_hub, asking)
        identity = _of_session(the_hub, session)
        if identity is not None and not _is_meant(route):
            return None
    if identity is None and route.takes_tokens and token_in(asking.headers.get("Authorization", "")):
        the_hub.metrics.bad_token()
        the_hub.refusals.token(address_of(asking))
    if identity is not None and identity.is_in_log:
        the_hub.saw(identity)
    return identity


def recognise(the_hub: Hub, asking: Request) -> Identity | None:
    """Whoever the credentials of a request belong to now, which has been let in before.

    A stream asks again and again; that is no activity.
    """
    return _by_token(the_hub, asking) or _of_session(the_hub, session_of(the_hub, asking))


def _by_token(the_hub: Hub, asking: Request) -> Identity | None:
    token = token_in(asking.headers.get("Authorization", ""))
    if token is None:
        return None
    row = the_hub.tokens.find(token)
    if row is not None:
        return the_hub.rights.by_token(row)
    if same_secret(token, the_hub.proxy_secret):
        return THE_PROXY
    return the_hub.operators.find(token)


def comes_with_token(the_hub: Hub, asking: Request) -> bool:
    """Whether a program asks, by a token that is good; also where it does not count."""
    return _by_token(the_hub, asking) is not None


def session_of(the_hub: Hub, asking: Request) -> SessionRow | None:
    """The session that this request's login cookie belongs to."""
    secret = the_hub.sessions.cookies.login_of(asking)
    return the_hub.sessions.find(secret) if secret else None


def _of_session(the_hub: Hub, session: SessionRow | None) -> Identity | None:
    return None if session is None else the_hub.rights.of_session(session)


def _is_json() -> bool:
    """What a form of another site's page can send is no JSON. Asked of POSTs only, as in JupyterHub."""
    kind = asked().headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return asked().method != "POST" or kind in ("", "application/json")


# --- the proof ---


def _is_meant(route: CredentialPolicy) -> bool:
    """Where nobody need be known, who cannot prove it counts as nobody. Elsewhere: raises ForbiddenError."""
    given = kept().form_xsrf
    may_be_nobody = isinstance(route.access, Open) or (
        isinstance(route.access, Needs) and route.access.or_login
    )
    if route.proof is not Proof.READS or not may_be_nobody:
        check_meant(route.proof, given=given)
        return True
    try:
        check_meant(given=given)
    except ForbiddenError:
        return False
    return True


def check_meant(proof: Proof = Proof.READS, *, given: str | None = None) -> None:
    """Raises ForbiddenError unless a page of the hub, or a person who goes there, meant this request.

    `proof`: what the route demands of a GET. `given`: the token, where it comes in a form.
    """
    fetch = fetch_of_request()
    if is_foreign(fetch, own_hosts(asked(), hub().settings)):
        raise ForbiddenError(why_refused(sent_form()))
    if not needs_token(fetch, proof):
        return
    token = given or _given_token()
    if not token:
        raise ForbiddenError(f"'_xsrf' argument missing from {fetch.method}: pages of the hub send it along.")
    if not (is_valid_xsrf(token) and token in asked().cookies.getlist(XSRF)):
        raise ForbiddenError(
            f"The XSRF cookie does not match {fetch.method} argument '_xsrf'. Please load the page again."
        )


def fetch_of_request() -> Fetch:
    headers = asked().headers
    return Fetch(
        asked().method,
        headers.get("Sec-Fetch-Mode", "").lower(),
        headers.get("Sec-Fetch-Site", "").lower(),
        headers.get("Sec-Fetch-Dest", "").lower(),
        headers.get("Origin", ""),
    )


def sent_form() -> SentForm:
    """What is known of a form, or another request of a browser, that does not count."""
    settings, fetch = hub().settings, fetch_of_request()
    return SentForm(
        is_foreign=is_foreign(fetch, own_hosts(asked(), settings)),
        seen=fetch.origin,
        expected=origin(asked(), settings),
        cookie_came=bool(asked().cookies.getlist(XSRF)),
        only_https=hub().sessions.cookies.is_secure(asked()),
        by_https=browser_scheme(asked()) == "https",
        base_url=settings.hub.base_url,
        is_configured=bool(settings.hub.public_url),
    )


def _given_token() -> str:
    headers = asked().headers
    return asked().args.get("_xsrf", "") or headers.get("X-XSRFToken", "") or headers.get("X-CSRFToken", "")


def is_valid_xsrf(token: str) -> bool:
    """Whether this token is one of the session of this request, or of this browser where nobody is logged in."""
    row = kept().session
    xsrf = hub().sessions.xsrf
    if row is not None:
        return same_secret(token, xsrf.of_session(row.id))
    return xsrf.is_anonymous(token, visitor(), time.time())


def visitor() -> str:
    """What tells browsers apart in which nobody is logged in."""
    return f"{address_of(asked())} {asked().headers.get('User-Agent', '')}"


def _may_know_token() -> bool:
    """Whoever looks at a page, and who has shown that they know it already."""
    if fetch_of_request().mode in PAGE_VIEWS:
        return True
    given = kept().form_xsrf or _given_token()
    return bool(given) and is_valid_xsrf(given)


def xsrf_token() -> str:
    """For the page that is being answered: its forms and scripts send it back. The cookie goes with the answer.

    `""` where a script reads a page that has not got it yet: it may be one of somebody's server, on the same host.
    """
    known = kept().xsrf_token
    if known is None and not _may_know_token():
        return ""
    if known is None:
        row = kept().session
        xsrf = hub().sessions.xsrf
        found = asked().cookies.getlist(XSRF)[:MOST_XSRF]
        sent = [] if row is not None else [one for one in found if is_valid_xsrf(one)]
        if row is not None:
            known = xsrf.of_session(row.id)
        else:
            known = sent[0] if sent else xsrf.anonymous(visitor(), time.time(), secrets.token_hex(8))
        kept().xsrf_token = known
    return known
