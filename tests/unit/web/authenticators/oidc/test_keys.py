"""Which of a provider's keys may have signed a token."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, RSAKey

from core.errors import ForbiddenError, UnavailableError
from tests.oidc_provider import Provider, base64url
from web.authenticators.oidc.claims import Expected
from web.authenticators.oidc.id_token import Verifier
from web.authenticators.oidc.keys import MAX_KEYS, Keys, parse_keys

RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
EC = ECKey.generate_key("P-256", {"kid": "ec"})


def key_set(*changes: dict[str, Any]) -> Keys:
    return parse_keys(
        json.dumps({"keys": [{**RSA.as_dict(private=False), **more} for more in changes]}).encode()
    )


@pytest.mark.parametrize(
    ("more", "algorithm", "key_id", "fits"),
    [
        ({}, "RS256", "rsa", True),
        ({}, "PS512", "rsa", True),
        ({}, "RS256", None, True),
        ({}, "RS256", "other", False),
        ({"use": "sig", "alg": "RS256"}, "RS256", "rsa", True),
        ({"use": "enc"}, "RS256", "rsa", False),
        ({"alg": "RS512"}, "RS256", "rsa", False),
        ({}, "ES256", "rsa", False),
        ({}, "EdDSA", "rsa", False),
        ({}, "HS256", "rsa", False),
        ({}, "none", "rsa", False),
        ({"key_ops": ["verify"]}, "RS256", "rsa", True),
    ],
)
def test_candidates(more, algorithm, key_id, fits):
    assert bool(key_set(more).candidates(algorithm, key_id)) is fits


def test_of_keys_that_cannot_be_used_the_others_are_left():
    bad = [
        {"kty": "oct", "k": "AAAA"},
        {"kty": "XYZ"},
        {},
        {"kty": "RSA", "n": 5, "e": "AQAB"},
        {"kty": "EC", "crv": "P-0"},
    ]
    with pytest.warns(SecurityWarning):
        weak = RSAKey.generate_key(1024, {"kid": "weak"}).as_dict(private=False)
    document = json.dumps({"keys": [*bad, weak, EC.as_dict(private=False)]}).encode()
    keys = parse_keys(document)
    assert keys.candidates("ES256", "ec")
    assert not keys.candidates("RS256", "weak")


def test_no_more_keys_are_read_than_anybody_has():
    keys = key_set(*[{"kid": str(number)} for number in range(MAX_KEYS + 5)])
    assert keys.candidates("RS256", str(MAX_KEYS - 1))
    assert not keys.candidates("RS256", str(MAX_KEYS))


@pytest.mark.parametrize(
    "document", [b"", b"[]", b"{}", b'{"keys": 5}', b'{"keys": [5]}', b'{"keys": []}', b"\xff"]
)
def test_what_is_no_set_of_keys(document):
    with pytest.raises(UnavailableError):
        parse_keys(document)


@pytest.mark.parametrize("header", [{"crit": ["b64"], "b64": True}, {"b64": True}, {"crit": []}, {"kid": 5}])
async def test_a_header_that_asks_for_more_is_not_understood_however_well_it_is_signed(header):
    provider = Provider("https://login.example", key=RSA)
    content = jws.extract_compact(provider.id_token("n").encode()).payload
    body = json.dumps({"alg": "RS256", "kid": "rsa", **header}).encode()
    token = signed(body, content)

    async def keys() -> Keys:
        return key_set({})

    verifier = Verifier(["RS256"], keys, keys)
    with pytest.raises(ForbiddenError, match=r"of a kind that is not understood|malformed"):
        await verifier.claims(token, Expected(provider.issuer, "callboard"), "", 0)


def signed(header: bytes, payload: bytes | None) -> str:
    """By hand, for the library refuses to make such a token."""
    text = f"{base64url(header)}.{base64url(payload or b'')}"
    signature = RSA.private_key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{text}.{base64url(signature)}"
