"""Keys in every form JupyterHub takes, and what an old or a wrong key can open."""

from __future__ import annotations

import base64

import pytest

from core.secrets.crypt import CryptKeeper, SealError, load_keys
from core.settings import ConfigError

OLD, NEW = bytes(range(32)), bytes(range(1, 33))
SECRET = {"token": "x", "nested": {"a": [1, None]}}


@pytest.mark.parametrize(
    ("given", "environment"),
    [
        ([OLD.hex()], ""),
        ([OLD.hex().upper()], ""),
        ([base64.b64encode(OLD).decode()], ""),
        ([base64.urlsafe_b64encode(OLD).decode()], ""),
        ([], OLD.hex()),
        ([], f"{OLD.hex()};{NEW.hex()}"),
        ([], f" {OLD.hex()} ; "),
        ([OLD.hex()], NEW.hex()),
    ],
)
def test_keys_are_taken_in_hex_and_base64_from_configuration_or_environment(given, environment):
    keeper = load_keys(given, {"JUPYTERHUB_CRYPT_KEY": environment})
    assert CryptKeeper([OLD]).open(keeper.seal(SECRET)) == SECRET


@pytest.mark.parametrize(
    "key", ["", "geheim", "00" * 31, "zz" * 32, "geheim" * 8, base64.b64encode(OLD[:-1]).decode()]
)
def test_what_is_no_key_is_refused_without_being_shown(key):
    with pytest.raises(ConfigError, match="openssl rand -hex 32") as refused:
        load_keys([key], {})
    assert not key or key not in str(refused.value)


def test_without_keys_there_is_no_keeper():
    assert not load_keys([], {})
    with pytest.raises(SealError):
        load_keys([], {}).open(CryptKeeper([OLD]).seal(SECRET))


def test_a_new_first_key_reads_what_the_old_one_wrote():
    sealed = CryptKeeper([OLD]).seal(SECRET)
    both = CryptKeeper([NEW, OLD])
    assert both.open(sealed) == SECRET
    assert not both.is_sealed_with_first(sealed)
    assert both.is_sealed_with_first(both.seal(SECRET))
    with pytest.raises(SealError):
        CryptKeeper([NEW]).open(sealed)


def test_what_is_sealed_shows_nothing():
    sealed = CryptKeeper([OLD]).seal(SECRET)
    assert b"token" not in base64.urlsafe_b64decode(sealed)
