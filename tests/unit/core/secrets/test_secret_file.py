import os
import stat

import pytest

from core.secrets.secret_file import derive, load_or_make_secret
from core.settings import ConfigError

SECRET = bytes(range(32))


@pytest.fixture(autouse=True)
def no_secret_in_the_environment(monkeypatch):
    monkeypatch.delenv("JPY_COOKIE_SECRET", raising=False)


def write(path, text, mode=0o600):
    path.write_text(text)
    path.chmod(mode)


def test_a_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path):
    path = tmp_path / "secret"
    made = load_or_make_secret(path, "")
    assert len(made) == 32
    assert path.read_text() == made.hex() + "\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["secret"]
    assert load_or_make_secret(path, "") == made


def test_the_mode_does_not_depend_on_the_umask(tmp_path):
    before = os.umask(0)
    try:
        load_or_make_secret(tmp_path / "secret", "")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


def test_the_configuration_comes_before_the_environment_and_that_before_the_file(tmp_path, monkeypatch):
    path = tmp_path / "secret"
    write(path, "aa" * 32)
    assert load_or_make_secret(path, "") == b"\xaa" * 32
    monkeypatch.setenv("JPY_COOKIE_SECRET", "bb" * 32)
    assert load_or_make_secret(path, "") == b"\xbb" * 32
    assert load_or_make_secret(path, "cc" * 32) == b"\xcc" * 32


def test_a_given_secret_makes_no_file(tmp_path):
    load_or_make_secret(tmp_path / "secret", SECRET.hex())
    assert not list(tmp_path.iterdir())


def test_a_longer_given_secret_is_brought_to_32_bytes(tmp_path):
    assert len(load_or_make_secret(tmp_path / "secret", "ab" * 64)) == 32


@pytest.mark.parametrize("place", ["configuration", "environment"])
def test_every_digit_of_a_longer_secret_counts(tmp_path, monkeypatch, place):
    """Else long secrets that begin alike would be one secret, and most of one would be worth nothing."""

    def made_of(text):
        if place == "configuration":
            return load_or_make_secret(tmp_path / "secret", text)
        monkeypatch.setenv("JPY_COOKIE_SECRET", text)
        return load_or_make_secret(tmp_path / "secret", "")

    long = "ab" * 64
    changed = [long[:digit] + "c" + long[digit + 1 :] for digit in range(len(long))]
    texts = [long, long + "ab", long[:-2], long[:64], *changed]
    assert len({made_of(text) for text in texts}) == len(texts)


@pytest.mark.parametrize("given", ["ab", "not hexadecimal", "a" * 63])
def test_a_malformed_given_secret_is_refused_and_not_repeated(tmp_path, given):
    with pytest.raises(ConfigError, match="cookie_secret") as refusal:
        load_or_make_secret(tmp_path / "secret", given)
    assert given not in str(refusal.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_may_read_is_refused(tmp_path, mode):
    write(tmp_path / "secret", SECRET.hex() + "\n", mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_or_make_secret(tmp_path / "secret", "")


@pytest.mark.parametrize("text", ["", "abc", "x" * 64, "a" * 65, "é" * 64])
def test_a_file_of_other_content_is_refused_and_not_repeated(tmp_path, text):
    write(tmp_path / "secret", text)
    with pytest.raises(ConfigError, match="64 hexadecimal digits") as refusal:
        load_or_make_secret(tmp_path / "secret", "")
    assert not text or text not in str(refusal.value)


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(ConfigError, match="missing/secret"):
        load_or_make_secret(tmp_path / "missing" / "secret", "")


def test_purposes_and_secrets_give_different_keys():
    keys = {derive(SECRET, "proxy"), derive(SECRET, "tokens"), derive(bytes(32), "proxy")}
    assert len(keys) == 3
    assert derive(SECRET, "proxy") == derive(SECRET, "proxy")
    assert all(len(key) == 32 for key in keys)
