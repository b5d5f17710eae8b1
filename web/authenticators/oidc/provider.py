"""What there is to know about a provider: its addresses, given or discovered, and its keys."""

from __future__ import annotations

import msgspec
from msgspec import Struct, field

from core.config.logins.oidc_urls import discovery_url, is_acceptable
from core.settings import OIDCSettings
from web.authenticators.oidc.fetching import Fetcher
from web.authenticators.oidc.kept import Kept
from web.authenticators.oidc.keys import Keys, parse_keys
from web.authenticators.oidc.refusals import quoted, unreachable


class Metadata(Struct, frozen=True):
    """Of the discovery document, what is used here. Source: OpenID Connect Discovery 1.0, section 3; RFC 9207."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    token_endpoint_auth_methods_supported: list[str] = field(default_factory=lambda: ["client_secret_basic"])
    authorization_response_iss_parameter_supported: bool = False


class Provider(Struct, frozen=True):
    """`issuer`: as it names itself; empty for plain OAuth 2.0, where there are no ID tokens."""

    issuer: str
    authorize_url: str
    token_url: str
    userdata_url: str
    jwks_url: str = ""
    basic_auth: bool = False
    says_issuer: bool = False  # in its answers to the browser, RFC 9207


class Directory:
    """Finds out about the provider when it is first needed, and again every hour."""

    def __init__(self, settings: OIDCSettings, fetcher: Fetcher) -> None:
        self._settings = settings
        self._fetcher = fetcher
        self._provider = Kept(self._discover)
        self._keys = Kept(self._fetch_keys)

    async def provider(self) -> Provider:
        """Raises UnavailableError."""
        return await self._provider.get() if self._settings.issuer else _as_given(self._settings)

    async def keys(self) -> Keys:
        """Raises UnavailableError."""
        return await self._keys.get()

    async def newer_keys(self) -> Keys:
        """Once more, for a token signed with a key that is not known; not more often than `Kept` allows."""
        await self._keys.renew()
        return await self._keys.get()

    async def _discover(self) -> Provider:
        reply = await self._fetcher.get(discovery_url(self._settings.issuer))
        if reply.status != 200:
            raise unreachable(f"the login provider's description came with status {reply.status}")
        return described(reply.body, self._settings)

    async def _fetch_keys(self) -> Keys:
        url = (await self.provider()).jwks_url
        reply = await self._fetcher.get(url)
        if reply.status != 200:
            raise unreachable(f"the login provider's keys came with status {reply.status}")
        return parse_keys(reply.body)


def described(document: bytes, settings: OIDCSettings) -> Provider:
    """What a discovery document says; addresses in the configuration win over it. Raises UnavailableError.

    A provider must name itself as the configuration does (but for a slash at the end): else its tokens could be
    another's.
    """
    try:
        found = msgspec.json.decode(document, type=Metadata)
    except msgspec.DecodeError as error:
        raise unreachable(f"the login provider's description makes no sense ({error})") from None
    if found.issuer.rstrip("/") != settings.issuer.rstrip("/"):
        said = f"{quoted(found.issuer)} instead of {quoted(settings.issuer)}"
        raise unreachable(f"the login provider describes itself as {said}")
    methods = found.token_endpoint_auth_methods_supported
    provider = Provider(
        issuer=found.issuer,
        authorize_url=settings.authorize_url or found.authorization_endpoint,
        token_url=settings.token_url or found.token_endpoint,
        userdata_url=settings.userdata_url or found.userinfo_endpoint,
        jwks_url=found.jwks_uri,
        basic_auth="client_secret_basic" in methods if settings.basic_auth is None else settings.basic_auth,
        says_issuer=found.authorization_response_iss_parameter_supported,
    )
    for url in (provider.authorize_url, provider.token_url, provider.userdata_url, provider.jwks_url):
        if url and not is_acceptable(url, allow_http=settings.allow_http):
            raise unreachable(f"the login provider names an address that is not https, {quoted(url)}")
    return provider


def _as_given(settings: OIDCSettings) -> Provider:
    return Provider(
        issuer="",
        authorize_url=settings.authorize_url,
        token_url=settings.token_url,
        userdata_url=settings.userdata_url,
        basic_auth=bool(settings.basic_auth),
    )
