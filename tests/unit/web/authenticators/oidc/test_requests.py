"""What is sent to the provider."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from core.errors import ForbiddenError, UnavailableError
from tests.unit.web.authenticators.oidc.world import oidc_settings
from web.authenticators.oidc.fetching import Reply
from web.authenticators.oidc.provider import Provider
from web.authenticators.oidc.requests import Tokens, challenge, code_form, identified, tokens_of, way_there
from web.authenticators.oidc.trips import Trip

PROVIDER = Provider(
    "https://login.example", "https://login.example/go?tenant=x", "https://login.example/token", ""
)
PLAIN = Provider("", "https://login.example/go", "https://login.example/token", "https://login.example/me")
TRIP = Trip("the state", "the nonce", "the verifier", "https://hub.example/hub/oauth_callback", "/hub/", 0)


def test_the_challenge_is_that_of_the_specification():
    """RFC 7636, appendix B."""
    assert (
        challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
        == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )


def test_the_way_there():
    settings = oidc_settings(
        "https://login.example", extra_authorize_params={"prompt": "login", "state": "mine"}
    )
    found = parse_qs(urlsplit(way_there(PROVIDER, settings, TRIP)).query)
    assert found == {
        "tenant": ["x"],
        "prompt": ["login"],
        "response_type": ["code"],
        "client_id": ["callboard"],
        "redirect_uri": [TRIP.callback_url],
        "state": ["the state"],
        "scope": ["openid profile"],
        "nonce": ["the nonce"],
        "code_challenge": [challenge("the verifier")],
        "code_challenge_method": ["S256"],
    }


@pytest.mark.parametrize(
    ("provider", "settings", "present", "absent"),
    [
        (PROVIDER, {"scope": ["email"]}, {"scope": "openid email"}, []),
        (PLAIN, {"scope": ["email"]}, {"scope": "email"}, ["nonce"]),
        (PLAIN, {"scope": []}, {}, ["scope", "nonce"]),
        (PROVIDER, {"enable_pkce": False}, {}, ["code_challenge", "code_challenge_method"]),
    ],
)
def test_the_way_there_as_the_settings_want_it(provider, settings, present, absent):
    url = way_there(provider, oidc_settings("https://login.example", **settings), TRIP)
    found = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert present.items() <= found.items()
    assert not set(absent) & found.keys()


def test_the_verifier_goes_to_the_provider_alone():
    settings = oidc_settings("https://login.example", token_params={"audience": "x", "code": "mine"})
    assert code_form("c", settings, TRIP) == {
        "audience": "x",
        "grant_type": "authorization_code",
        "code": "c",
        "redirect_uri": TRIP.callback_url,
        "code_verifier": "the verifier",
    }
    assert "the verifier" not in way_there(PROVIDER, settings, TRIP).replace("+", " ")


@pytest.mark.parametrize(
    ("basic", "secret", "form", "header"),
    [
        (True, "a:b c", {}, "callboard:a%3Ab+c"),
        (False, "s", {"client_id": "callboard", "client_secret": "s"}, None),
        (True, "", {"client_id": "callboard"}, None),
    ],
)
def test_the_hub_says_who_it_is(basic, secret, form, header):
    provider = Provider("", "", "", "", basic_auth=basic)
    fields, headers = identified({"a": "b"}, oidc_settings("", client_secret=secret), provider)
    assert fields == {"a": "b", **form}
    sent = headers.get("Authorization")
    assert (base64.b64decode(sent.removeprefix("Basic ")).decode() if sent else None) == header


def reply(status: int = 200, **fields: object) -> Reply:
    return Reply(status, msgspec.json.encode(fields), "application/json")


@pytest.mark.parametrize(
    ("fields", "tokens"),
    [
        ({}, Tokens("a")),
        ({"token_type": "bearer", "unknown": 5}, Tokens("a", "bearer")),
        ({"refresh_token": None, "scope": ""}, Tokens("a", scope="")),
        ({"scope": ["x", "y"], "expires_in": "300"}, Tokens("a", scope=["x", "y"], expires_in="300")),
    ],
)
def test_tokens_come_in_many_forms(fields, tokens):
    assert tokens_of(reply(access_token="a", **fields)) == tokens


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (reply(error="invalid_grant", status=400), ForbiddenError, "does not know of this login"),
        (
            reply(error="invalid_client", status=401),
            UnavailableError,
            'refuses this hub \\("invalid_client"\\)',
        ),
        (reply(error="bad\nthing", status=400), UnavailableError, '"bad\\?thing"'),
        (reply(status=404), UnavailableError, "status 404"),
        (reply(status=302), UnavailableError, "status 302"),
        (Reply(500, b"\xff", ""), UnavailableError, "status 500"),
        (reply(), ForbiddenError, "there is no token"),
        (reply(error="bad_verification_code"), ForbiddenError, "there is no token"),
        (Reply(200, b"access_token=a", ""), ForbiddenError, "there is no token"),
        (Reply(200, b"\xff", ""), ForbiddenError, "there is no token"),
        (reply(access_token="a", token_type="mac"), ForbiddenError, "not understood"),
        (reply(access_token=""), ForbiddenError, "not understood"),
        (reply(access_token="a\r\nX-Evil: 1"), ForbiddenError, "not understood"),
        (reply(access_token="a b"), ForbiddenError, "not understood"),
        (reply(access_token="ä"), ForbiddenError, "not understood"),
        (reply(access_token="a" * 20_000), ForbiddenError, "not understood"),
    ],
)
def test_what_is_no_token(answer, kind, said):
    with pytest.raises(kind, match=said):
        tokens_of(answer)
