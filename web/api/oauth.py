"""OAuth 2: where servers and services change a code for a token. People are asked by web/pages/authorize.py."""

from __future__ import annotations

from typing import Literal, cast

from msgspec import Struct
from quart import Response

from web.oauth.provider import MAX_BODY
from web.request.access import OPEN
from web.request.answers import reply
from web.request.client_address import address_of
from web.request.context import asked, hub, kept
from web.request.routing import RouteGroup

endpoints = RouteGroup("oauth2")

MAX_FIELDS = 50  # of the form


class OAuthToken(Struct, frozen=True):
    """`expires_in`: seconds. `scope`: separated by blanks."""

    access_token: str
    expires_in: int
    token_type: Literal["Bearer"]
    scope: str


class OAuthRefusal(Struct, frozen=True):
    """See RFC 6749, 5.2."""

    error: str
    error_description: str = ""


@endpoints.post("/oauth2/token", access=OPEN, answers={200: OAuthToken, 400: OAuthRefusal, 401: OAuthRefusal})
async def token() -> Response:
    """Change an authorization code for a token.

    The body is a form: `grant_type=authorization_code`, `code`, `client_id`, `client_secret`, `redirect_uri`,
    `code_verifier`.
    """
    body = cast(bytes, await asked().get_data(as_text=False))
    if len(body) > MAX_BODY or body.count(b"&") > MAX_FIELDS:
        return _refused("The body is too long.")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return _refused("The body is a form in UTF-8.")
    answer = await hub().acts.oauth.redeem(
        text, asked().headers.get("Authorization", ""), request=kept().request_id
    )
    if answer.status == 401:
        hub().metrics.bad_token()
        hub().refusals.token(address_of(asked()))
    response = Response(answer.body, answer.status, content_type="application/json")
    response.headers.update({name: value for name, value in answer.headers.items() if name != "Content-Type"})
    return response


def _refused(why: str) -> Response:
    return reply(OAuthRefusal("invalid_request", why), 400)
