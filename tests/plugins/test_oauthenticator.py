"""oauthenticator's classes, from PyPI as they are, against a provider written for these tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.conftest import MakeHub
from tests.integration.hub import RealHub
from tests.plugins.environments import environment
from tests.plugins.oauth_provider import CLIENT_ID, CLIENT_SECRET, Provider, running_provider
from tests.plugins.visitor import Visitor

pytestmark = pytest.mark.slow

COMMON = """
c.CryptKeeper.keys = ["{key}"]
c.Authenticator.enable_auth_state = True
c.Authenticator.auto_login = True
c.Authenticator.blocked_users = {{"eve"}}
c.OAuthenticator.client_id = "{id}"
c.OAuthenticator.client_secret = "{secret}"
"""
TO_SERVER = """
from {module} import {name} as Original

class {name}(Original):
    async def pre_spawn_start(self, user, spawner):
        state = await user.get_auth_state()
        spawner.environment["UPSTREAM_TOKEN"] = state["access_token"]

c.JupyterHub.authenticator_class = {name}
"""


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider() as found:
        yield found


def config_for(provider: Provider, more: str) -> str:
    common = COMMON.format(key="22" * 32, id=CLIENT_ID, secret=CLIENT_SECRET)
    return common + more.replace("PROVIDER", provider.url)


def hub_with(make_hub: MakeHub, config: str) -> RealHub:
    hub = make_hub(programs=environment("authenticators"), config=config)
    hub.start()
    return hub


GITHUB = (
    TO_SERVER.format(module="oauthenticator.github", name="GitHubOAuthenticator")
    + """
c.GitHubOAuthenticator.github_url = "PROVIDER"
c.GitHubOAuthenticator.scope = ["read:org"]
c.GitHubOAuthenticator.populate_teams_in_auth_state = True
c.GitHubOAuthenticator.manage_groups = True
c.GitHubOAuthenticator.auth_state_groups_key = lambda state: [team["slug"] for team in state["teams"]]
c.Authenticator.auth_refresh_age = 1
c.Authenticator.refresh_pre_spawn = True
"""
)


def test_github_from_login_to_server_and_logout_with_a_killed_hub_in_between(
    make_hub: MakeHub, provider: Provider
):
    provider.person = {"login": "Bob", "id": 7, "email": "bob@example.org"}
    teams = "/api/v3/user/teams"
    provider.answers[teams] = [{"slug": "astro", "organization": {"login": "lab"}}]
    hub = hub_with(make_hub, config_for(provider, GITHUB))
    bob = Visitor(hub)
    arrived = bob.go("/hub/login?next=/hub/home")
    assert (arrived.status_code, bob.who) == (200, "bob"), hub.log()[-4000:]
    assert hub.user("bob")["groups"] == ["astro"]
    assert hub.user("bob")["auth_state"]["github_user"]["login"] == "Bob"

    hub.restart()

    assert bob.who == "bob"
    hub.begin("bob")
    hub.wait_ready("bob")
    (process,) = hub.server_processes("/user/bob/")
    assert process.environment["UPSTREAM_TOKEN"] in provider.tokens

    provider.answers[teams] = [{"slug": "geo", "organization": {"login": "lab"}}]
    bob.cookies.clear()
    bob.go("/hub/login?next=/hub/home")
    assert hub.user("bob")["groups"] == ["geo"]
    bob.go("/hub/logout")
    assert bob.go("/hub/home", follow=False).status_code == 302
    assert hub.log().count("canary-") == 0
    hub.check_log()


def test_who_is_blocked_or_comes_with_a_forged_answer_stays_out(make_hub: MakeHub, provider: Provider):
    provider.person = {"login": "eve", "id": 8, "email": "eve@example.org"}
    provider.answers["/api/v3/user/teams"] = []
    hub = hub_with(make_hub, config_for(provider, GITHUB))
    assert Visitor(hub).go("/hub/login").status_code == 403, hub.log()[-6000:]
    forged = Visitor(hub).go("/hub/oauth_callback?code=abc&state=xyz")
    assert forged.status_code == 400
    assert "OAuth state missing" in forged.text
    assert [user["name"] for user in hub.api("GET", "/users").json()] == ["admin"]


BRANDS: dict[str, tuple[str, dict[str, Any], str]] = {
    "google": (
        """
c.JupyterHub.authenticator_class = "google"
c.GoogleOAuthenticator.authorize_url = "PROVIDER/auth"
c.GoogleOAuthenticator.google_api_url = "PROVIDER"
c.GoogleOAuthenticator.hosted_domain = ["example.org"]
""",
        {"email": "Bob@example.org", "verified_email": True, "hd": "example.org"},
        "bob",
    ),
    "azuread": (
        """
c.JupyterHub.authenticator_class = "azuread"
c.AzureAdOAuthenticator.graph_url = "PROVIDER"
c.AzureAdOAuthenticator.tenant_id = "tenant"
c.AzureAdOAuthenticator.username_claim = "upn"
c.AzureAdOAuthenticator.manage_groups = True
c.AzureAdOAuthenticator.user_groups_claim = "groups"
""",
        {"upn": "bob", "name": "Bob B.", "groups": ["staff"], "tid": "tenant"},
        "bob",
    ),
    "gitlab": (
        """
c.JupyterHub.authenticator_class = "gitlab"
c.GitLabOAuthenticator.gitlab_url = "PROVIDER"
""",
        {"username": "bob", "id": 3, "is_admin": False},
        "bob",
    ),
    "cilogon": (
        """
c.JupyterHub.authenticator_class = "cilogon"
c.CILogonOAuthenticator.cilogon_host = "PROVIDER_HOST"
c.CILogonOAuthenticator.authorize_url = "PROVIDER/authorize"
c.CILogonOAuthenticator.token_url = "PROVIDER/oauth2/token"
c.CILogonOAuthenticator.userdata_url = "PROVIDER/oauth2/userinfo"
c.CILogonOAuthenticator.allowed_idps = {
    "https://idp.example": {
        "username_derivation": {"username_claim": "eppn", "action": "strip_idp_domain", "domain": "lab.example"},
    },
}
""",
        {"eppn": "bob@lab.example", "idp": "https://idp.example"},
        "bob",
    ),
    "generic": (
        """
from oauthenticator.generic import GenericOAuthenticator
class Campus(GenericOAuthenticator):
    login_service = "Campus"
c.JupyterHub.authenticator_class = Campus
c.GenericOAuthenticator.authorize_url = "PROVIDER/authorize"
c.GenericOAuthenticator.token_url = "PROVIDER/token"
c.GenericOAuthenticator.userdata_url = "PROVIDER/userinfo"
c.GenericOAuthenticator.username_claim = lambda person: person["nick"].lower()
c.GenericOAuthenticator.logout_redirect_url = "PROVIDER/goodbye"
c.GenericOAuthenticator.admin_groups = {"bosses"}
c.GenericOAuthenticator.manage_groups = True
c.GenericOAuthenticator.auth_state_groups_key = "oauth_user.groups"
""",
        {"nick": "BOB", "groups": ["bosses"]},
        "bob",
    ),
}


@pytest.mark.world
@pytest.mark.parametrize("brand", BRANDS)
def test_each_brand_logs_in(make_hub: MakeHub, provider: Provider, brand: str):
    more, person, name = BRANDS[brand]
    provider.person = person
    more = more.replace("PROVIDER_HOST", provider.url.partition("//")[2])
    hub = hub_with(make_hub, config_for(provider, more))
    bob = Visitor(hub)
    arrived = bob.go("/hub/login?next=/hub/home")
    assert (arrived.status_code, bob.who) == (200, name), hub.log()[-4000:]
    assert hub.user(name)["auth_state"]["access_token"] in provider.tokens
    if brand == "generic":
        assert hub.user(name)["admin"]
        assert hub.user(name)["groups"] == ["bosses"]
        left = bob.go("/hub/logout", follow=False)
        assert left.headers["Location"] == f"{provider.url}/goodbye"
    if brand == "azuread":
        assert hub.user(name)["groups"] == ["staff"]
    assert hub.log().count("canary-") == 0
