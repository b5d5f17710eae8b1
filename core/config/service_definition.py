"""What may be said of a service, be it by a configuration file or by a request to the API, and what follows. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from core.errors import InvalidError
from core.events.service import ServiceDefinition
from core.naming.names import escape
from core.settings import ServiceSettings

MAX_NAME = 255
MAX_URL = 1000
CLIENT_ID_START = "service-"


class Misfit(Struct, frozen=True):
    """`allowed`: what the field may be, in words."""

    field: str
    allowed: str


_NAME = Misfit(
    "name",
    f"no slash, nothing percent-encoded, no blanks around it, not only dots, at most {MAX_NAME} characters that print",
)
_URL = Misfit(
    "url",
    "expected a URL that starts with http:// or https:// such as http://127.0.0.1:9000, with a host, a possible port, "
    f"no user, and at most {MAX_URL} characters of ASCII",
)
_CLIENT_ID = Misfit("oauth_client_id", f"expected a name that starts with {CLIENT_ID_START}")
_NO_CLIENT = Misfit("oauth_client_id", "an OAuth client needs an oauth_redirect_uri, or the service a url")


def misfits(name: str, *, url: str, oauth_client_id: str, oauth_redirect_uri: str) -> Iterator[Misfit]:
    """Which of these cannot be; a text that is empty says nothing. Source of the last rule: JupyterHub 6.1.1."""
    if not _is_name(name):
        yield _NAME
    if url and not _is_url(url):
        yield _URL
    if oauth_client_id and not oauth_client_id.startswith(CLIENT_ID_START):
        yield _CLIENT_ID
    if oauth_client_id and not (url or oauth_redirect_uri):
        yield _NO_CLIENT


def _is_name(name: str) -> bool:
    """Whether a URL can carry it as it stands."""
    tricky = "/" in name or not name.strip(".") or name != name.strip() or name != unquote(name)
    return not tricky and len(name) <= MAX_NAME and name.isprintable()


def _is_url(url: str) -> bool:
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        has_place = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return has_place and parts.scheme in ("http", "https") and "@" not in parts.netloc


def said_of(settings: ServiceSettings) -> ServiceDefinition:
    """What the log says of a configured service. Empty info and a display of true are what nobody has said."""
    is_client = bool(settings.url or settings.oauth_redirect_uri)
    return ServiceDefinition(
        url=settings.url,
        admin=settings.admin,
        managed=bool(settings.command),
        info=settings.info or None,
        display=None if settings.display else False,
        oauth_client_id=settings.oauth_client_id if is_client else "",
        oauth_redirect_uri=settings.oauth_redirect_uri,
        oauth_client_allowed_scopes=settings.oauth_client_allowed_scopes,
        oauth_no_confirm=settings.oauth_no_confirm,
    )


def defined(name: str, base_url: str, said: ServiceDefinition) -> ServiceDefinition:
    """The definition with what follows from it: prefix and OAuth client. Raises InvalidError.

    Source: JupyterHub 6.1.1. Who has neither a URL nor a redirect URI is no OAuth client.
    """
    client_id, redirect_uri = said.oauth_client_id, said.oauth_redirect_uri
    for misfit in misfits(name, url=said.url, oauth_client_id=client_id, oauth_redirect_uri=redirect_uri):
        raise InvalidError(f"The {misfit.field} of a service: {misfit.allowed}.")
    is_client = bool(said.url or redirect_uri)
    return replace(
        said,
        prefix=service_prefix(base_url, name) if said.url else "",
        oauth_client_id=(client_id or f"{CLIENT_ID_START}{name}") if is_client else "",
    )


def service_prefix(base_url: str, name: str) -> str:
    return f"{base_url}services/{escape(name)}/"
