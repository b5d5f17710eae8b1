"""Digests that JupyterHub has made are compared as it does, and it compares ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jupyterhub.utils import compare_token, hash_token

from core.token import for_another_hub, is_foreign, matches, quick_digest, slow_digest

tokens = st.text(st.characters(codec="utf-8"), min_size=1, max_size=64)


@given(tokens, st.sampled_from([1, 3]), st.sampled_from(["sha512", "sha256"]))
def test_its_digests_match_here(token: str, rounds: int, algorithm: str) -> None:
    digest = hash_token(token, rounds=rounds, algorithm=algorithm)
    assert is_foreign(digest)
    assert matches(digest, token)
    assert not matches(digest, f"{token}x")


@given(tokens)
def test_our_digests_match_there(token: str) -> None:
    digest = for_another_hub(quick_digest(token))
    assert digest is not None
    assert compare_token(digest, token)
    assert not compare_token(digest, f"{token}x")


def test_what_cannot_go_is_known() -> None:
    assert for_another_hub(slow_digest("opensesame", "00" * 16)) is None
    assert not is_foreign(slow_digest("opensesame", "00" * 16))


@pytest.mark.parametrize("digest", ["sha512:1:ab:cd", "sha256:1::ff"])
def test_what_it_made_goes_back_as_it_is(digest: str) -> None:
    assert for_another_hub(digest) == digest
