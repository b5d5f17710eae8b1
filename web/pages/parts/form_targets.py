"""Where the forms of a page may lead to besides the hub, for its Content-Security-Policy.

Some browsers hold a form to that policy through all the redirects behind it: a login that goes on to a service of
another origin would end on the way. Only what the page itself leads to is named: it is no list of services.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from projections import services
from web.request.context import database, hub, kept

_HOST = re.compile(r"[A-Za-z0-9._:\[\]-]+")  # nothing that ends a source or a directive of the policy
ANYWHERE = ("http:", "https:")  # where only a function of the configuration knows


def lead_to(url: str) -> None:
    """Forms of the page that is being answered may lead to the origin of `url`; to no other if it is a path."""
    if origin := _origin(url):
        kept().form_targets = {*kept().form_targets, origin}


def lead_on_from_login(next_url: str) -> None:
    """To wherever a login goes on that began with this `next`."""
    default = hub().settings.hub.default_url
    if callable(default):
        kept().form_targets = set(ANYWHERE)
        return
    lead_to(str(default or ""))
    for url in _redirects_behind(next_url):
        lead_to(url)


def _redirects_behind(next_url: str) -> list[str]:
    """Redirect URIs of the OAuth client whose authorization, or of the service whose page, `next_url` is."""
    try:
        parts = urlsplit(next_url)
        client_ids = parse_qs(parts.query, max_num_fields=100).get("client_id", [])
    except ValueError:
        return []
    if parts.path.endswith("/oauth2/authorize"):
        called = hub().oauth_clients.called
        return [client.redirect_uri for one in client_ids[:1] for client in called(one)]
    first, _, rest = parts.path.removeprefix(hub().base_url).partition("/")
    service = services.by_name(database(), rest.partition("/")[0]) if first == "services" else None
    return [] if service is None else [service.defined().oauth_redirect_uri]


def _origin(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    is_origin = parts.scheme in ("http", "https") and _HOST.fullmatch(parts.netloc)
    return f"{parts.scheme}://{parts.netloc}" if is_origin else ""
