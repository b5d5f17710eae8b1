"""What oauthlib asks of a provider, for one request. Reads only: what is to be written is handed over as it is."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from typing import Any, NamedTuple

from oauthlib.oauth2 import RequestValidator

from core.events.log.tables import Tables
from core.events.record import utc_text
from core.token import quick_digest
from projections import oauth
from projections.oauth import CodeRow
from projections.users import UserRow
from web.rights.identity import TokenBook
from web.rights.oauth_clients import Clients, OAuthClient
from web.rights.oauth_scopes import Consent
from web.rights.rights import Rights

HERE = "https://this-hub.invalid"  # oauthlib wants URLs with a host, and those of the hub's own are paths
RESPONSE_TYPE = "code"
GRANT_TYPE = "authorization_code"


class NewCode(NamedTuple):
    """`redirect_uri`: as the request had it."""

    code: str
    scopes: list[str]
    redirect_uri: str
    challenge: str
    challenge_method: str


class NewToken(NamedTuple):
    token: str
    row: CodeRow


class Known(NamedTuple):
    """What the hub knows of clients, codes and users."""

    db: Tables
    clients: Clients
    tokens: TokenBook
    rights: Rights


class Validator(RequestValidator):  # type: ignore[misc]
    """`user`: who is asked to agree; None where a client changes a code for a token."""

    def __init__(self, known: Known, user: UserRow | None = None, *, requires_pkce: bool) -> None:
        super().__init__()
        self._known = known
        self._user = user
        self._requires_pkce = requires_pkce
        self._code: CodeRow | None = None
        self.client: OAuthClient | None = None
        self.redirect_uri = ""
        self.new_code: NewCode | None = None
        self.new_token: NewToken | None = None
        self.reused: CodeRow | None = None

    @property
    def consent(self) -> Consent:
        assert self.client is not None, "the client is looked at first"
        user = self._user or self._user_of_code()
        assert user is not None, "there is a user"
        return Consent(self._known.rights, user, self.client)

    def _user_of_code(self) -> UserRow | None:
        return None if self._code is None else self._known.rights.known(self._code.user)

    # --- the client ---

    def validate_client_id(self, client_id: str, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Where two clients are called the same, the place to return to tells them apart."""
        self.redirect_uri = str(request.redirect_uri or "").removeprefix(HERE)
        found = self._known.clients.called(client_id)
        fitting = [one for one in found if one.redirect_uri == self.redirect_uri]
        chosen = fitting or (found if len(found) == 1 else [])
        if not chosen:
            return False
        self.client = request.client = chosen[0]
        return True

    def client_authentication_required(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        return True

    def authenticate_client(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        """By its own API token. What it says its id is must be its id."""
        secret = str(request.client_secret or "")
        row = self._known.tokens.find(secret) if secret else None
        client = self._known.clients.by_secret(row) if row is not None else None
        if client is None or client.identifier != request.client_id:
            return False
        self.client = request.client = client
        return True

    def authenticate_client_id(self, client_id: str, request: Any, *args: Any, **kwargs: Any) -> bool:
        return False

    # --- where to go back to ---

    def validate_redirect_uri(
        self, client_id: str, redirect_uri: str, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        return self.client is not None and redirect_uri == absolute(self.client.redirect_uri)

    def get_default_redirect_uri(self, client_id: str, request: Any, *args: Any, **kwargs: Any) -> str:
        return "" if self.client is None else absolute(self.client.redirect_uri)

    def confirm_redirect_uri(
        self,
        client_id: str,
        code: str,
        redirect_uri: str,
        client: Any,
        request: Any,
        *args: Any,
        **kwargs: Any,
    ) -> bool:
        """It may be left out; else it is the one the code was asked for with."""
        if request.using_default_redirect_uri or self._code is None or self.client is None:
            return True
        return absolute(redirect_uri) == absolute(self._code.redirect_uri or self.client.redirect_uri)

    # --- what is asked for ---

    def validate_response_type(
        self, client_id: str, response_type: str, client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        return response_type == RESPONSE_TYPE

    def validate_grant_type(
        self, client_id: str, grant_type: str, client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        return grant_type == GRANT_TYPE

    def get_default_scopes(self, client_id: str, request: Any, *args: Any, **kwargs: Any) -> list[str]:
        return [] if self.client is None else [*self.client.allowed, *self.consent.required]

    def validate_scopes(
        self, client_id: str, scopes: list[str], client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        asked = self.consent.asked(scopes)
        if asked is None:
            return False
        request.scopes = asked
        return True

    # --- PKCE ---

    def is_pkce_required(self, client_id: str, request: Any) -> bool:
        return self._requires_pkce

    def get_code_challenge(self, code: str, request: Any) -> str | None:
        return (self._code.challenge or None) if self._code is not None else None

    def get_code_challenge_method(self, code: str, request: Any) -> str | None:
        return self._code.challenge_method if self._code is not None else None

    # --- codes ---

    def save_authorization_code(
        self, client_id: str, code: dict[str, str], request: Any, *args: Any, **kwargs: Any
    ) -> None:
        self.new_code = NewCode(
            code["code"],
            self.consent.granted(request.scopes),
            self.redirect_uri,
            str(request.code_challenge or ""),
            str(request.code_challenge_method or "plain") if request.code_challenge else "",
        )

    def validate_code(
        self, client_id: str, code: str, client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        digest = quick_digest(code)
        row = oauth.code_by_digest(self._known.db, digest)
        if row is None or self.client is None or row.client != self.client.key:
            return False
        if row.token:
            self.reused = row
        if row.token or row.expires_at <= utc_text(datetime.now(UTC)):
            return False
        self._code = row
        request.user = self._user_of_code()
        request.scopes = row.granted()
        return request.user is not None and hmac.compare_digest(row.digest, digest)

    def invalidate_authorization_code(
        self, client_id: str, code: str, request: Any, *args: Any, **kwargs: Any
    ) -> None:
        """That is done with the token's own append."""

    def save_bearer_token(self, token: dict[str, Any], request: Any, *args: Any, **kwargs: Any) -> None:
        assert self._code is not None, "a code that was looked at is changed for a token"
        token["scope"] = " ".join(self.consent.spelled_out(self._code.granted()))
        self.new_token = NewToken(token["access_token"], self._code)


def absolute(uri: str) -> str:
    return f"{HERE}{uri}" if uri.startswith("/") else uri
