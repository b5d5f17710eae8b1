"""What an ID token may say: one line for each thing a reader may wonder about."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from core.errors import ForbiddenError
from web.authenticators.oidc.claims import (
    Expected,
    IDToken,
    at_hash,
    check_access_token,
    check_claims,
    parse_claims,
)

NOW = 1_000_000
GOOD = IDToken("https://login.example", "0001", "hub", exp=NOW + 300, iat=NOW, nonce="n")
EXPECTED = Expected("https://login.example", "hub", nonce="n", leeway=30)


def changed(**claims: Any) -> IDToken:
    return msgspec.structs.replace(GOOD, **claims)


@pytest.mark.parametrize(
    "token",
    [
        GOOD,
        changed(aud=["hub"]),
        changed(aud=["hub"], azp="hub"),
        changed(aud="hub", azp="hub"),
        changed(aud=["other", "hub"], azp="hub"),
        changed(exp=NOW - 29.9),
        changed(exp=NOW + 1e9),
        changed(nbf=NOW + 30),
        changed(iat=NOW + 30),
        changed(iat=0),
        changed(sub="x" * 255),
    ],
)
def test_believed(token):
    check_claims(token, EXPECTED, NOW)


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (changed(iss="https://login.example/"), "comes from"),
        (changed(iss="HTTPS://login.example"), "comes from"),
        (changed(iss=""), "comes from"),
        (changed(aud="other"), "audience"),
        (changed(aud="hub2"), "audience"),
        (changed(aud=[]), "audience"),
        (changed(aud=["other", "hub"]), "several programs"),
        (changed(aud=["other", "hub"], azp="other"), "authorized party"),
        (changed(azp="other"), "authorized party"),
        (changed(azp=""), "authorized party"),
        (changed(exp=NOW - 30), "expired"),
        (changed(exp=0), "expired"),
        (changed(exp=-1e300), "expired"),
        (changed(nbf=NOW + 31), "not valid yet"),
        (changed(iat=NOW + 31), "made in the future"),
        (changed(sub=""), "who it is about"),
        (changed(sub="x" * 256), "who it is about"),
        (changed(nonce=None), "nonce"),
        (changed(nonce=""), "nonce"),
        (changed(nonce="N"), "nonce"),
        (changed(nonce="ñ"), "nonce"),
    ],
)
def test_not_believed(token, said):
    with pytest.raises(ForbiddenError, match=said):
        check_claims(token, EXPECTED, NOW)


def test_after_a_refresh_the_nonce_may_be_missing_and_the_subject_must_be_the_same():
    check_claims(changed(nonce=None), Expected("https://login.example", "hub", subject="0001"), NOW)
    with pytest.raises(ForbiddenError, match="about somebody else"):
        check_claims(GOOD, Expected("https://login.example", "hub", subject="0002"), NOW)


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"null", b"[]", b"{}", b'"text"', b"\xff", b'{"iss": "x"}',
        b'{"iss": 1, "sub": "a", "aud": "b", "exp": 1, "iat": 1}',
        b'{"iss": "x", "sub": 1, "aud": "b", "exp": 1, "iat": 1}',
        b'{"iss": "x", "sub": "a", "aud": {"b": 1}, "exp": 1, "iat": 1}',
        b'{"iss": "x", "sub": "a", "aud": [1], "exp": 1, "iat": 1}',
        b'{"iss": "x", "sub": "a", "aud": "b", "exp": true, "iat": 1}',
        b'{"iss": "x", "sub": "a", "aud": "b", "exp": "1", "iat": 1}',
        b'{"iss": "x", "sub": "a", "aud": "b", "exp": 1e999, "iat": 1}',
        b'{"iss": "x", "sub": "a", "aud": "b", "exp": NaN, "iat": 1}',
        b'{"iss": "x", "sub": "a", "aud": "b", "exp": 1, "iat": 1, "nonce": 5}',
    ],
)  # fmt: skip
def test_what_is_no_set_of_claims_is_malformed(payload):
    with pytest.raises(ForbiddenError, match="malformed"):
        parse_claims(payload)


def test_all_that_is_said_is_kept():
    token, claims = parse_claims(msgspec.json.encode({**msgspec.to_builtins(GOOD), "groups": ["a"]}))
    assert token == GOOD
    assert claims["groups"] == ["a"]


# The example of OpenID Connect Core 1.0, A.3: an access token and its `at_hash` under RS256.
SPEC_TOKEN, SPEC_HASH = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "77QmUPtjPfzWtF2AnpK9RQ"


def test_the_hash_of_an_access_token_is_that_of_the_specification():
    assert at_hash(SPEC_TOKEN, "RS256") == SPEC_HASH
    assert len(at_hash(SPEC_TOKEN, "ES384")) == 32
    assert len(at_hash(SPEC_TOKEN, "EdDSA")) == len(at_hash(SPEC_TOKEN, "Ed25519")) == 43


def test_a_hash_that_is_there_must_be_right():
    check_access_token(GOOD, SPEC_TOKEN, "RS256")
    check_access_token(changed(at_hash=SPEC_HASH), SPEC_TOKEN, "RS256")
    for wrong in ("", SPEC_HASH + "=", SPEC_HASH[:-1]):
        with pytest.raises(ForbiddenError, match="access token is not the one"):
            check_access_token(changed(at_hash=wrong), SPEC_TOKEN, "RS256")
    with pytest.raises(ForbiddenError, match="access token is not the one"):
        check_access_token(changed(at_hash=SPEC_HASH), SPEC_TOKEN + "x", "RS256")
