"""FirstUse, Tmp and MultiAuthenticator, from PyPI as they are."""

from __future__ import annotations

import pytest

from tests.integration.conftest import MakeHub
from tests.plugins.environments import environment
from tests.plugins.oauth_provider import CLIENT_ID, CLIENT_SECRET, running_provider
from tests.plugins.visitor import Visitor

pytestmark = [pytest.mark.slow, pytest.mark.world]


def test_the_first_password_is_the_one_from_then_on(make_hub: MakeHub):
    hub = make_hub(
        programs=environment("authenticators"),
        config="c.JupyterHub.authenticator_class = 'firstuse'\n"
        "c.FirstUseAuthenticator.create_users = False\nc.Authenticator.blocked_users = {'eve'}\n",
    )
    hub.start()
    for name in ("bob", "eve"):
        hub.add_user(name)
    bob, eve = Visitor(hub), Visitor(hub)

    def log_in(visitor: Visitor, name: str, password: str) -> str | None:
        visitor.fill("/hub/login?next=/hub/home", username=name, password=password)
        return visitor.who

    too_short = bob.fill("/hub/login", username="bob", password="x")
    assert "too short" in too_short.text
    assert log_in(bob, "bob", "long enough") == "bob"
    assert log_in(eve, "eve", "long enough") is None
    assert log_in(Visitor(hub), "nobody", "long enough") is None
    for _ in range(20):
        assert bob.go("/hub/auth/change-password").status_code == 200
    changed = bob.fill("/hub/auth/change-password", password="longer than that")
    assert changed.status_code == 200

    hub.restart()

    assert log_in(Visitor(hub), "bob", "long enough") is None
    assert log_in(Visitor(hub), "bob", "longer than that") == "bob"


def test_everybody_gets_a_user_of_their_own(make_hub: MakeHub):
    hub = make_hub(
        programs=environment("authenticators"),
        config="c.JupyterHub.authenticator_class = 'tmp'\nc.JupyterHub.redirect_to_server = False\n",
    )
    hub.start()
    one, two = Visitor(hub), Visitor(hub)
    one.go("/hub/tmplogin")
    two.go("/hub/")
    assert one.who
    assert two.who
    assert one.who != two.who
    kept = one.who
    hub.restart()
    assert one.who == kept


def test_several_ways_on_one_login_page(make_hub: MakeHub):
    with running_provider() as provider:
        provider.person = {"login": "Bob", "id": 7, "email": "bob@example.org"}
        config = f"""
c.JupyterHub.authenticator_class = "multiauthenticator"
c.MultiAuthenticator.authenticators = [
    {{"authenticator_class": "github", "url_prefix": "/gh", "config": {{
        "client_id": "{CLIENT_ID}", "client_secret": "{CLIENT_SECRET}", "github_url": "{provider.url}",
        "oauth_callback_url": c.JupyterHub.bind_url + "/hub/gh/oauth_callback",
        "allow_all": True}}}},
    {{"authenticator_class": "dummy", "url_prefix": "/word", "config": {{
        "password": "one for everybody", "allow_all": True, "service_name": "Word"}}}},
]
"""
        hub = make_hub(programs=environment("authenticators"), config=config)
        hub.start()
        bob, carol = Visitor(hub), Visitor(hub)
        shown = bob.go("/hub/login?next=/hub/home").text
        assert "Sign in with GitHub" in shown
        assert "/hub/gh/oauth_login?next=/hub/home" in shown
        arrived = bob.go("/hub/gh/oauth_login?next=/hub/home")
        assert (arrived.status_code, bob.who) == (200, "github:bob"), hub.log()[-4000:]
        carol.fill("/hub/word/login?next=/hub/home", username="carol", password="one for everybody")
        assert carol.who == "word:carol"
