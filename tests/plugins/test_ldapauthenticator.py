"""jupyterhub-ldapauthenticator, unmodified, with a real slapd."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from tests.engines.ldap import BASE, PASSWORDS, PEOPLE, LdapServer
from tests.integration.conftest import MakeHub
from tests.integration.hub import RealHub
from tests.plugins.environments import environment
from tests.plugins.life import log_in, restart, start, stop

pytestmark = pytest.mark.world

MakeLdapHub = Callable[[str], RealHub]

BY_TEMPLATE = f"""
c.LDAPAuthenticator.bind_dn_template = ["uid={{username}},{PEOPLE}"]
"""
BY_SEARCH = f"""
c.LDAPAuthenticator.lookup_dn = True
c.LDAPAuthenticator.lookup_dn_search_filter = "({{login_attr}}={{login}})"
c.LDAPAuthenticator.lookup_dn_user_dn_attribute = "uid"
c.LDAPAuthenticator.user_search_base = "{PEOPLE}"
c.LDAPAuthenticator.user_attribute = "uid"
c.LDAPAuthenticator.bind_dn_template = ["uid={{username}},{PEOPLE}"]
"""


@pytest.fixture
def ldap_hub(ldap: LdapServer, make_hub: MakeHub) -> MakeLdapHub:
    def make(config: str) -> RealHub:
        hub = make_hub(
            programs=environment("authenticators"),
            environment={"JUPYTERHUB_CRYPT_KEY": "51" * 32},
            config=f"""
c.JupyterHub.authenticator_class = "ldapauthenticator.LDAPAuthenticator"
c.LDAPAuthenticator.server_address = "127.0.0.1"
c.LDAPAuthenticator.server_port = {ldap.port}
c.LDAPAuthenticator.tls_strategy = "insecure"
{config}
""",
        )
        hub.start()
        return hub

    return make


@pytest.mark.parametrize("how", [BY_TEMPLATE, BY_SEARCH], ids=["template", "search"])
def test_who_has_the_directorys_password_comes_in(ldap_hub: MakeLdapHub, how: str) -> None:
    hub = ldap_hub(how)
    assert log_in(hub, "alice", PASSWORDS["alice"])
    assert not log_in(hub, "alice", PASSWORDS["bob"])
    assert not log_in(hub, "alice", "")
    assert not log_in(hub, "alice)(uid=*", PASSWORDS["alice"])
    assert PASSWORDS["alice"] not in hub.log()
    assert [user["name"] for user in hub.api("GET", "/users").json()] == ["admin", "alice"]


def test_members_of_a_group_alone_come_in(ldap_hub: MakeLdapHub) -> None:
    hub = ldap_hub(
        f"{BY_TEMPLATE}\nc.Authenticator.allow_all = False\n"
        f'c.LDAPAuthenticator.allowed_groups = ["cn=teachers,ou=groups,{BASE}"]\n'
    )
    assert log_in(hub, "alice", PASSWORDS["alice"])
    assert not log_in(hub, "bob", PASSWORDS["bob"])


def test_who_is_blocked_stays_out(ldap_hub: MakeLdapHub) -> None:
    hub = ldap_hub(f"{BY_TEMPLATE}\nc.Authenticator.blocked_users = {{'bob'}}")
    assert log_in(hub, "alice", PASSWORDS["alice"])
    assert not log_in(hub, "bob", PASSWORDS["bob"])


WITH_MAIL = f"""{BY_TEMPLATE}
c.Authenticator.enable_auth_state = True
c.LDAPAuthenticator.auth_state_attributes = ["mail"]

def tell(spawner, auth_state):
    spawner.environment["MAIL"] = auth_state["user_attributes"]["mail"][0]

c.Spawner.auth_state_hook = tell
"""


def test_what_the_directory_says_reaches_a_server_outlives_a_killed_hub_and_a_logout_ends_it(
    ldap_hub: MakeLdapHub,
) -> None:
    hub = ldap_hub(WITH_MAIL)
    browser = log_in(hub, "alice", PASSWORDS["alice"])
    assert browser is not None
    assert start(hub, "alice")["environment"]["MAIL"] == "alice@example.org"
    restart(hub, "alice")
    assert "alice@example.org" in str(hub.user("alice")["auth_state"])
    assert browser.get(f"{hub.url}/hub/token", timeout=30).url.endswith("/hub/token")
    stop(hub, "alice")
    browser.get(f"{hub.url}/hub/logout", timeout=30)
    assert "/hub/login" in browser.get(f"{hub.url}/hub/token", timeout=30).url


def test_while_the_directory_is_away_nobody_is_told_that_their_password_is_wrong(
    ldap_hub: MakeLdapHub, ldap: LdapServer
) -> None:
    hub = ldap_hub(BY_TEMPLATE)
    ldap.daemon.kill()
    browser = requests.Session()
    browser.get(f"{hub.url}/hub/login", timeout=30)
    fields = {"username": "alice", "password": PASSWORDS["alice"], "_xsrf": browser.cookies["_xsrf"]}
    page = browser.post(f"{hub.url}/hub/login", data=fields, timeout=30)
    assert page.status_code >= 500
    assert "Invalid username or password" not in page.text
    assert PASSWORDS["alice"] not in hub.log()
    ldap.revive()
    assert log_in(hub, "alice", PASSWORDS["alice"])
