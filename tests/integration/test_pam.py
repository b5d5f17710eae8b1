"""Logins by PAM: with a PAM of our own in the helper process and, where the tests run as root, with the real one."""

from __future__ import annotations

import grp
import os
import pwd
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import trio

from core.errors import ForbiddenError, InvalidError, ThrottledError, UnavailableError
from core.naming.user_names import UserNames
from core.plugins.authenticator import Login
from core.settings import AuthenticatorSettings, LocalUsersSettings, PAMSettings, Settings
from web.authenticators import helper_process
from web.authenticators.pam import PAMAuthenticator

pytestmark = pytest.mark.slow

FAKE = (sys.executable, str(Path(__file__).with_name("fake_pam_child.py")))
ROOT = Path(__file__).parents[2]
HOME_GROUP = grp.getgrgid(pwd.getpwnam("nobody").pw_gid).gr_name


@pytest.fixture(autouse=True)
def child_finds_the_hub(monkeypatch, tmp_path):
    """The real helper process is kept from that: it imports nothing of the hub."""
    monkeypatch.setattr(helper_process, "KEPT_ENVIRONMENT", ("PATH", "PYTHONPATH", "TZ"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("TZ", str(tmp_path))


def make(pam: dict[str, Any] | None = None, local: dict[str, Any] | None = None) -> PAMAuthenticator:
    settings = Settings(
        authenticator=AuthenticatorSettings(admin_users={"alice"}),
        pam=PAMSettings(service="hub", **(pam or {})),
        local_users=LocalUsersSettings(**(local or {})),
    )
    return PAMAuthenticator(settings, UserNames(), FAKE)


def given(name: Any, password: Any = "right", **more: Any) -> dict[str, Any]:
    return {"username": name, "password": password, **more}


# --- passwords ---


@pytest.mark.parametrize(
    ("credentials", "login"),
    [
        (given("bob"), Login("bob")),
        (given("talks"), Login("talks")),
        (given("bob", "first", otp="123456"), Login("bob")),
        (given("bob", "first", otp="654321"), None),
        (given("bob", "wrong"), None),
        (given("bob", ""), None),
        (given("", "right"), None),
        (given("b\0b"), None),
        (given("bob", "right\0"), None),
        (given("b" * 300), None),
        (given("bob", "x" * 5000), None),
        (given(None), None),
        (given("bob", None), None),
        (given("bob", otp=5), None),
        ({}, None),
    ],
)
async def test_who_has_the_password_comes_in(credentials, login):
    began = time.monotonic()
    assert await make().authenticate(credentials) == login
    assert time.monotonic() - began < 20


async def test_an_account_that_may_not_be_used_is_told_so():
    with pytest.raises(ForbiddenError):
        await make().authenticate(given("expired"))
    assert await make({"check_account": False}).authenticate(given("expired")) == Login("expired")


async def test_pam_that_cannot_say_is_no_wrong_password():
    for name in ("away", "dies"):
        with pytest.raises(UnavailableError):
            await make().authenticate(given(name))


def children() -> set[psutil.Process]:
    return {
        child for child in psutil.Process().children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE
    }


async def test_a_module_that_hangs_is_killed_with_all_it_started_and_makes_room():
    before = children()  # the browser of other tests
    authenticator = make({"executor_threads": 1, "pam_timeout": 1.5})
    with pytest.raises(UnavailableError):
        await authenticator.authenticate(given("hangs"))
    assert children() <= before
    assert await make({"pam_timeout": 20}).authenticate(given("bob")) == Login("bob")


async def test_only_so_many_ask_at_once_and_only_so_many_wait(monkeypatch):
    monkeypatch.setattr(helper_process, "WAITING", 2)
    authenticator = make({"executor_threads": 1, "pam_timeout": 20})
    outcomes: list[str] = []

    async def ask() -> None:
        try:
            await authenticator.authenticate(given("bob"))
            outcomes.append("in")
        except ThrottledError:
            outcomes.append("throttled")

    async with trio.open_nursery() as nursery:
        for _ in range(6):
            nursery.start_soon(ask)
    assert sorted(outcomes) == ["in"] * 3 + ["throttled"] * 3


# --- users and groups of the system ---


@pytest.mark.parametrize(
    ("pam", "local", "login"),
    [
        ({"admin_groups": {HOME_GROUP}}, {}, Login("nobody", admin=True)),
        ({"admin_groups": {"no-such-group", HOME_GROUP}}, {}, Login("nobody", admin=True)),
        ({"admin_groups": {"no-such-group"}}, {}, Login("nobody", admin=False)),
        ({}, {"allowed_groups": {HOME_GROUP}}, Login("nobody", allowed=True)),
        ({}, {"allowed_groups": {"no-such-group"}}, Login("nobody")),
        ({"pam_normalize_username": True}, {}, Login("nobody")),
    ],
)
async def test_groups_of_the_system_let_in_and_make_administrators(pam, local, login):
    assert await make(pam, local).authenticate(given("nobody")) == login


async def test_only_users_of_the_system_can_be_users_of_the_hub():
    await make().check_new_user("nobody")
    with pytest.raises(InvalidError, match="create_system_users"):
        await make().check_new_user("no-such-user")


async def test_they_may_be_made_first(tmp_path):
    script = tmp_path / "adduser"
    script.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/made\n')
    script.chmod(0o755)
    local = {
        "create_system_users": True,
        "add_user_cmd": [str(script), "--home", "/srv/USERNAME"],
        "uids": {"x-bob": 1234},
    }
    for name in ("x-bob", "x-carol"):
        await make(local=local).check_new_user(name)
    assert (tmp_path / "made").read_text().splitlines() == [
        "--home /srv/x-bob --uid 1234 x-bob",
        "--home /srv/x-carol x-carol",
    ]
    with pytest.raises(InvalidError):
        await make(local=local).check_new_user("-rm")
    with pytest.raises(InvalidError, match="could not be created"):
        await make(local={"create_system_users": True, "add_user_cmd": ["false"]}).check_new_user("x-dave")


async def test_sessions_are_opened_until_one_fails(tmp_path):
    authenticator = make({"open_sessions": True})
    await authenticator.open_session("bob")
    assert (tmp_path / "bob-session").read_text() == "hub"
    await authenticator.close_session("bob")
    assert not authenticator.opens_sessions
    await make().open_session("carol")
    assert not (tmp_path / "carol-session").exists()


# --- the real one ---

SERVICE = f"callboard-test-{os.getpid()}"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[str]:
    """A PAM service that asks a script for the password: no account is touched."""
    folder = Path("/etc/pam.d")
    if os.geteuid() != 0 or not folder.is_dir():
        pytest.skip("needs root, to describe a PAM service for this test")
    script = tmp_path / "check"
    script.write_text('#!/bin/sh\n[ "$PAM_USER" = nobody ] && [ "$(tr -d "\\0")" = sesame ]\n')
    script.chmod(0o755)
    file = folder / SERVICE
    file.write_text(
        f"auth [success=1 default=ignore] pam_exec.so expose_authtok quiet {script}\n"
        "auth requisite pam_deny.so\n"
        "auth required pam_permit.so\n"
        "account required pam_permit.so\n"
    )
    yield SERVICE
    file.unlink()


async def test_the_real_pam_is_asked(service, monkeypatch):
    monkeypatch.setattr(helper_process, "KEPT_ENVIRONMENT", ("PATH",))
    authenticator = PAMAuthenticator(Settings(pam=PAMSettings(service=service)), UserNames())
    assert await authenticator.authenticate(given("nobody", "sesame")) == Login("nobody")
    assert await authenticator.authenticate(given("nobody", "wrong")) is None
    assert await authenticator.authenticate(given("root", "sesame")) is None
