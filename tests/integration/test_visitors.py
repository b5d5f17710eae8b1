"""Browsers get into JupyterHub's own single-user server, and into a service on JupyterHub's own library, or do not."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
import requests

from tests.integration.conftest import MakeHub
from tests.integration.hub import ADMIN_TOKEN, BIN, SERVER_MARK, RealHub, free_ports, wait_for

pytestmark = pytest.mark.slow

CACHED = 1  # seconds for which the server trusts what the hub has said of a token; 300 by default
SINGLEUSER = [
    str(BIN / "jupyterhub-singleuser"),
    f"--HubAuth.cache_max_age={CACHED}",
    *(["--allow-root"] if os.geteuid() == 0 else []),
]
ROLES = """c.JupyterHub.load_roles = [
    {"name": "user", "scopes": ["self", "access:services!service=whoami"]},
    {"name": "sharer", "scopes": ["shares!user"], "users": ["alice"]},
]
"""
TIMEOUT = 90.0  # seconds; Jupyter Server on a busy machine


class Browser(requests.Session):
    """Follows redirects, keeps cookies, fills in the forms it meets."""

    def __init__(self, hub: RealHub, user: str) -> None:
        super().__init__()
        self.hub = hub
        self.user = user

    def visit(self, path: str) -> requests.Response:
        """Go there; log in and agree where that is asked."""
        answer = self.get(urljoin(self.hub.url, path), timeout=30)
        for _ in range(4):
            if answer.status_code != 200 or 'name="_xsrf"' not in answer.text:
                break
            answer = self._fill_in(answer)
        return answer

    def _fill_in(self, page: requests.Response) -> requests.Response:
        xsrf = re.findall(r'name="_xsrf" value="([^"]+)"', page.text)[0]
        action = re.findall(r'<form[^>]* action="([^"]*)"', page.text)[0].replace("&amp;", "&")
        fields: list[tuple[str, str]] = [("_xsrf", xsrf)]
        if 'name="username"' in page.text:
            fields += [("username", self.user), ("password", "")]
        fields += [("scopes", scope) for scope in re.findall(r'name="scopes" value="([^"]*)"', page.text)]
        return self.post(urljoin(page.url, action), data=fields, timeout=30)

    def xsrf_of_hub(self) -> str:
        return next(
            cookie.value or "" for cookie in self.cookies if cookie.name == "_xsrf" and cookie.path == "/hub/"
        )


def start(hub: RealHub) -> None:
    hub.start()
    hub.add_user("alice")
    assert hub.begin("alice").status_code in (201, 202)
    hub.wait_ready("alice", timeout=TIMEOUT)


def status(browser: Browser) -> int:
    """What the server answers to a script of its own page."""
    return browser.get(f"{browser.hub.url}/user/alice/api/status", timeout=30).status_code


def test_an_unmodified_single_user_server(make_hub: MakeHub) -> None:
    hub = make_hub(config=ROLES, cmd=SINGLEUSER)
    start(hub)

    # it says that it is used
    wait_for(lambda: "POST /hub/api/users/alice/activity" in hub.log(), TIMEOUT)
    assert "403 POST /hub/api/users/alice/activity" not in hub.log()
    assert hub.server("alice")["last_activity"] is not None

    # its user comes in through the hub, and is nobody before
    alice = Browser(hub, "alice")
    assert status(alice) == 403
    entered = alice.visit("/user/alice/lab")
    assert (entered.status_code, urlsplit(entered.url).path.startswith("/user/alice/")) == (200, True)
    assert status(alice) == 200

    # a stranger does not
    mallory = Browser(hub, "mallory")
    refused = mallory.visit("/user/alice/lab")
    assert refused.status_code == 403
    assert urlsplit(refused.url).path == "/hub/api/oauth2/authorize"
    assert status(mallory) == 403

    # until it is shared with them
    hub.add_user("mallory")
    share = hub.api("POST", "/shares/alice/", json={"user": "mallory"})
    assert share.status_code == 200, share.text
    shared = mallory.visit("/user/alice/lab")
    assert shared.status_code == 200, shared.text
    assert status(mallory) == 200

    # and not longer than that
    taken_back = hub.api("PATCH", "/shares/alice/", json={"user": "mallory"})
    assert taken_back.status_code == 200, taken_back.text
    wait_for(lambda: status(mallory) == 403, 20)

    # a token that is revoked opens nothing, once the server asks again
    tokens = hub.api("GET", "/users/alice/tokens").json()["api_tokens"]
    given = [one for one in tokens if one["oauth_client"] == "Server at /user/alice/" and one["session_id"]]
    assert [one["session_id"] for one in given] == [alice.cookies["jupyterhub-session-id"]]
    assert hub.api("DELETE", f"/users/alice/tokens/{given[0]['id']}").status_code == 204
    wait_for(lambda: status(alice) == 403, 20)
    assert alice.visit("/user/alice/lab").status_code == 200, "who is logged in gets another"

    # a logout in one tab ends the other
    other = Browser(hub, "alice")
    other.cookies.update(alice.cookies)
    assert status(other) == 200
    assert alice.get(f"{hub.url}/hub/logout", timeout=30).status_code == 200
    wait_for(lambda: status(other) == 403, 20)
    assert 'name="username"' in other.get(f"{hub.url}/user/alice/lab", timeout=30).text
    hub.check_log()


def test_a_service_on_jupyterhubs_own_library(make_hub: MakeHub, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    service = {
        "name": "whoami",
        "url": f"http://127.0.0.1:{port}",
        "command": [sys.executable, str(Path(__file__).with_name("whoami_service.py"))],
        "environment": {SERVER_MARK: str(tmp_path / "hub0")},
        "oauth_client_allowed_scopes": ["read:users!user"],
    }
    hub = make_hub(config=f"{ROLES}c.JupyterHub.services = [{service!r}]\n")
    hub.start()
    wait_for(lambda: hub.request("GET", "/services/whoami/", token=None).status_code == 302, TIMEOUT)
    browser = Browser(hub, "alice")

    def me() -> dict[str, Any]:
        answer = browser.visit("/services/whoami/deep/page?x=1")
        assert answer.status_code == 200, answer.text
        assert answer.url.endswith("/services/whoami/deep/page?x=1"), "where the browser was going"
        found: dict[str, Any] = answer.json()
        return found

    told = me()
    assert (told["name"], told["session_id"]) == ("alice", browser.cookies["jupyterhub-session-id"])
    assert {"access:services!service=whoami", "read:users:activity!user=alice"} <= set(told["scopes"])
    assert me()["name"] == "alice"

    # by a token, as programs come
    answer = hub.request("GET", "/services/whoami/x", token=ADMIN_TOKEN)
    assert (answer.status_code, answer.json()["name"]) == (200, "admin")
    hub.add_user("carol")
    assert (
        hub.request(
            "GET", "/services/whoami/x", token=hub.token_of("carol", ["read:users:name!user"])
        ).status_code
        == 403
    )
