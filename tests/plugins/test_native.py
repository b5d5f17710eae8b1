"""NativeAuthenticator, from PyPI as it is: people sign up, are let in, and change their passwords."""

from __future__ import annotations

import pytest

from tests.integration.conftest import MakeHub
from tests.plugins.environments import environment
from tests.plugins.visitor import Visitor, told

pytestmark = pytest.mark.slow

CONFIG = """
c.JupyterHub.authenticator_class = "native"
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {"admin", "root"}
c.NativeAuthenticator.check_common_password = True
c.NativeAuthenticator.minimum_password_length = 8
"""


def sign_up(visitor: Visitor, name: str, password: str) -> str:
    return told(
        visitor.fill(
            "/hub/signup", username=name, signup_password=password, signup_password_confirmation=password
        )
    )


def log_in(visitor: Visitor, name: str, password: str) -> str | None:
    visitor.fill("/hub/login?next=/hub/home", username=name, password=password)
    return visitor.who


def test_from_sign_up_to_a_new_password_with_a_killed_hub_in_between(make_hub: MakeHub):
    hub = make_hub(programs=environment("authenticators"), config=CONFIG)
    hub.start()
    root, bob = Visitor(hub), Visitor(hub)
    assert "successful" in sign_up(root, "root", "root of all hubs")
    assert "successful" not in sign_up(Visitor(hub), "carol", "password")
    assert "sent to the admin" in sign_up(bob, "bob", "correct horse")
    assert log_in(bob, "bob", "correct horse") is None
    assert log_in(root, "root", "root of all hubs") == "root"
    assert bob.go("/hub/authorize", follow=False).status_code in (302, 403)
    area = root.go("/hub/authorize")
    assert area.status_code == 200
    assert "bob" in area.text
    assert root.go("/hub/authorize/bob", follow=False).headers["Location"] == "/hub/authorize#bob"

    hub.restart()

    assert log_in(bob, "bob", "wrong horse") is None
    assert log_in(bob, "bob", "correct horse") == "bob"
    assert not hub.user("bob")["admin"]
    assert bob.go("/hub/authorize", follow=False).status_code == 403
    new = {"new_password": "battery staple", "new_password_confirmation": "battery staple"}
    assert "incorrect" in told(bob.fill("/hub/change-password", old_password="no", **new))
    assert "successfully" in told(bob.fill("/hub/change-password", old_password="correct horse", **new))
    bob.go("/hub/logout")
    assert bob.who is None
    assert log_in(bob, "bob", "correct horse") is None
    assert log_in(bob, "bob", "battery staple") == "bob"
    hub.check_log()
    assert "battery" not in hub.log()


@pytest.mark.world
def test_its_pages_hold_against_stale_forms_and_blocked_users(make_hub: MakeHub):
    hub = make_hub(
        programs=environment("authenticators"),
        config=CONFIG + 'c.NativeAuthenticator.open_signup = True\nc.Authenticator.blocked_users = {"eve"}\n',
    )
    hub.start()
    eve, bob = Visitor(hub), Visitor(hub)
    sign_up(eve, "eve", "correct horse")
    assert log_in(eve, "eve", "correct horse") is None
    stale = bob.post(f"{hub.url}/hub/login", data={"username": "bob", "password": "x", "_xsrf": "stale"})
    assert stale.status_code == 403
    assert "<html" in stale.text
    sign_up(bob, "bob", "correct horse")
    assert log_in(bob, "bob", "correct horse") == "bob"
    for _ in range(30):
        assert bob.go("/hub/change-password").status_code == 200
    hub.api("DELETE", "/users/bob")
    assert bob.who is None
