"""A token that is not, to the letter, what the provider has signed never passes; one that is passes with any key."""

from __future__ import annotations

import base64
import json
from typing import Any

import trio
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from core.errors import ForbiddenError
from tests.oidc_provider import Provider
from web.authenticators.oidc.claims import Expected
from web.authenticators.oidc.id_token import Verifier
from web.authenticators.oidc.keys import Keys, parse_keys

KEYS = {
    "RS256": RSAKey.generate_key(2048, {"kid": "rsa"}),
    "PS256": RSAKey.generate_key(2048, {"kid": "pss"}),
    "ES256": ECKey.generate_key("P-256", {"kid": "ec"}),
    "Ed25519": OKPKey.generate_key("Ed25519", {"kid": "ed"}),
}
PUBLIC = parse_keys(json.dumps({"keys": [key.as_dict(private=False) for key in KEYS.values()]}).encode())
NOW = 1_000_000
CLAIMS = {
    "iss": "https://login.example",
    "sub": "0001",
    "aud": "hub",
    "exp": NOW + 300,
    "iat": NOW,
    "nonce": "n",
}
TOKENS = {
    algorithm: jws.serialize_compact(
        {"alg": algorithm, "kid": str(key.kid)}, json.dumps(CLAIMS).encode(), key, algorithms=[algorithm]
    )
    for algorithm, key in KEYS.items()
}
OTHER_KEYS = Provider()

algorithms = st.sampled_from(sorted(TOKENS))


async def _keys() -> Keys:
    return PUBLIC


def believed(token: str) -> dict[str, Any]:
    verifier = Verifier([*KEYS, "EdDSA"], _keys, _keys)
    expected = Expected("https://login.example", "hub", nonce="n")
    return trio.run(verifier.claims, token, expected, "", NOW)


def passes(token: str) -> bool:
    try:
        believed(token)
    except ForbiddenError:
        return False
    return True


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@given(algorithms)
def test_what_was_signed_passes(algorithm):
    assert believed(TOKENS[algorithm]) == CLAIMS


@given(algorithms, st.data())
def test_a_token_with_one_character_changed_never_passes_as_anything_else(algorithm, data):
    token = TOKENS[algorithm]
    place = data.draw(st.integers(0, len(token) - 1))
    char = data.draw(st.characters().filter(lambda char: char != token[place]))
    mutated = token[:place] + char + token[place + 1 :]
    try:
        same = [decoded(part) for part in mutated.split(".")] == [decoded(part) for part in token.split(".")]
    except ValueError:
        same = False
    if not same:  # the last character of a part may hold bits that mean nothing
        assert not passes(mutated)


@given(algorithms, st.integers(0, 2), st.binary(max_size=80))
def test_a_token_with_a_part_replaced_never_passes(algorithm, which, content):
    parts = TOKENS[algorithm].split(".")
    if decoded(parts[which]) != content:
        parts[which] = encoded(content)
        assert not passes(".".join(parts))


ALGORITHMS = ["none", "None", "NONE", "", "HS256", "HS512", "RS1", "RS512", "ES256K", "EdDSA", None, *KEYS]
headers = st.fixed_dictionaries(
    {"alg": st.sampled_from(ALGORITHMS)},
    optional={
        "kid": st.sampled_from(["rsa", "pss", "ec", "ed", "x", None, 5]),
        "crit": st.just(["exp"]),
        "b64": st.booleans(),
        "jwk": st.just(OTHER_KEYS.key.as_dict(private=False)),
        "jku": st.just("https://evil.example/keys"),
        "x5u": st.just("https://evil.example/keys"),
    },
)  # fmt: skip


@given(algorithms, headers, st.sampled_from(["", "AAAA", "signature"]))
def test_a_token_with_another_header_never_passes(algorithm, header, signature):
    signed_header, payload, signed = TOKENS[algorithm].split(".")
    if json.loads(decoded(signed_header)) == header:
        return
    end = signed if signature == "signature" else signature
    assert not passes(f"{encoded(json.dumps(header).encode())}.{payload}.{end}")


@given(algorithms, algorithms)
def test_a_token_with_another_tokens_signature_never_passes(one, other):
    if one != other:
        body, signature = TOKENS[one].rpartition(".")[0], TOKENS[other].rpartition(".")[2]
        assert not passes(f"{body}.{signature}")


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda data: data.decode("latin-1")))
def test_text_that_is_no_token_is_refused(text):
    assert not passes(text)


@given(st.lists(st.text("abcABC123-_", max_size=20), min_size=2, max_size=6))
def test_parts_that_are_no_token_are_refused(parts):
    assert not passes(".".join(parts))
