"""A real JupyterHub 6.1.1 with everything in it is moved in, both hubs are asked the same, and it moves out again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.integration.hub import wait_for
from tests.moving.both_hubs import Both, ask, both_hubs
from tests.moving.other_hub import GRADER_TOKEN
from tests.moving.same_answers import comparable, differences

pytestmark = pytest.mark.slow

OF_TOKENS = (
    "/user",
    "/users",
    "/users?state=active",
    "/users/admin",
    "/users/alice",
    "/users/bob",
    "/users/nobody",
    "/users/alice/server",
    "/users/alice/servers/",
    "/users/bob/servers/lab",
    "/users/alice/tokens",
    "/users/carol/tokens",
    "/groups",
    "/groups/pupils",
    "/services",
    "/services/grader",
    "/services/late",
    "/shares/alice",
    "/shares/bob/lab",
    "/share-codes/bob/lab",
    "/users/bob/shared",
    "/groups/pupils/shared",
    "/proxy",
)
AUTHORIZE = "/hub/api/oauth2/authorize?response_type=code&state=x"
OF_COOKIES = (
    "/hub/",
    "/hub/home",
    "/hub/token",
    "/hub/admin",
    "/hub/login",
    "/hub/spawn-pending/alice",
    "/hub/api/user",
    "/hub/api/users",
    "/hub/api/users/alice",
    f"{AUTHORIZE}&client_id=jupyterhub-user-alice&redirect_uri=/user/alice/oauth_callback",
    f"{AUTHORIZE}&client_id=jupyterhub-user-alice&redirect_uri=/user/bob/oauth_callback",
    f"{AUTHORIZE}&client_id=jupyterhub-user-bob-lab",
    f"{AUTHORIZE}&client_id=service-grader",
    f"{AUTHORIZE}&client_id=service-nobody",
)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with both_hubs(tmp_path_factory.mktemp("both")) as hubs:
        yield hubs


def test_all_of_it_comes_but_what_has_expired(both: Both) -> None:
    numbers = {line[:16].strip(): line[16:].split() for line in both.said.splitlines() if line[16:17] == " "}
    assert numbers["users"] == ["5", "0"]
    assert numbers["running servers"] == ["2", "0"]
    assert numbers["tokens"] == ["9", "1"]
    assert numbers["share codes"] == ["1", "0"]
    assert "1 stays: has expired (soon over)" in both.said


def test_the_same_tokens_get_the_same_answers(both: Both) -> None:
    found = []
    for who, token in {**both.held.tokens, "nobody": "0" * 32}.items():
        for path in OF_TOKENS:
            theirs, ours = (
                ask(url, "GET", f"/hub/api{path}", token) for url in (both.other.url, both.ours.hub_url)
            )
            found += differences(comparable(theirs), comparable(ours), f"{who} {path}")
    assert found == []


def test_the_same_cookies_get_the_same_answers(both: Both) -> None:
    found = []
    forged = {
        "jupyterhub-hub-login": both.held.cookies["alice"]["jupyterhub-hub-login"].replace("2|1:0", "2|1:1")
    }
    for who, cookies in {**both.held.cookies, "forged": forged}.items():
        for path in OF_COOKIES:
            theirs, ours = (
                ask(url, "GET", path, cookies=cookies) for url in (both.other.url, both.ours.hub_url)
            )
            found += differences(comparable(theirs), comparable(ours), f"{who} {path}")
    assert found == []


@pytest.mark.parametrize(
    ("who", "client_id", "callback", "secret"),
    [
        ("alice", "jupyterhub-user-alice", "/user/alice/oauth_callback", "server /user/alice/"),
        ("bob", "service-grader", "http://127.0.0.1:9/grader/oauth_callback", "grader"),
    ],
)
def test_oauth_clients_let_visitors_in_as_before(
    both: Both, who: str, client_id: str, callback: str, secret: str
) -> None:
    told = []
    for url in (both.other.url, both.ours.hub_url):
        query = f"{AUTHORIZE}&client_id={client_id}&redirect_uri={callback}"
        sent = ask(url, "GET", query, cookies=both.held.cookies[who])
        code = parse_qs(urlsplit(sent.headers["Location"]).query)["code"][0]
        body = {
            "grant_type": "authorization_code",
            "client_id": client_id,
            "client_secret": both.held.tokens[secret],
            "redirect_uri": callback,
            "code": code,
        }
        wrong = ask(url, "POST", "/hub/api/oauth2/token", data={**body, "client_secret": "another"})
        given = ask(url, "POST", "/hub/api/oauth2/token", data=body).json()
        visitor = ask(url, "GET", "/hub/api/user", given["access_token"])
        scopes = sorted(given["scope"].replace(f"!user={who}", "!user").split())
        told.append((wrong.status_code, scopes, visitor.json()["name"]))
    assert told[0] == told[1]
    assert told[1][2] == who


def test_auth_state_can_be_read_with_the_same_key(both: Both) -> None:
    for url in (both.other.url, both.ours.hub_url):
        alice = ask(url, "GET", "/hub/api/users/alice", both.held.tokens["admin"]).json()
        assert alice["auth_state"] == {"upstream": "canary-state-of-alice"}


def test_servers_that_ran_answer_through_our_hub_with_the_same_pids(both: Both) -> None:
    for user, name in (("alice", ""), ("bob", "lab")):
        prefix = f"/user/{user}/{name}/" if name else f"/user/{user}/"
        assert both.ours.request("GET", f"{prefix}api", token=None).status_code == 200
        model = ask(
            both.ours.hub_url, "GET", f"/hub/api/users/{user}/servers/{name}", both.held.tokens["admin"]
        )
        assert str(model.json()["state"]["pid"]) == both.held.servers[prefix]["pid"]


def test_a_server_that_was_taken_in_tells_of_activity_with_its_token(both: Both) -> None:
    token = both.held.tokens["server /user/alice/"]
    at = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    body = {"servers": {"": {"last_activity": at}}, "last_activity": at}
    late = ask(both.ours.hub_url, "POST", "/hub/api/users/alice/activity", token, json=body)
    assert late.status_code == 400, "more than an hour ahead"
    body["servers"][""]["last_activity"] = body["last_activity"] = "2026-01-01T00:00:00Z"  # type: ignore[index]
    assert (
        ask(both.ours.hub_url, "POST", "/hub/api/users/alice/activity", token, json=body).status_code == 200
    )
    assert ask(both.ours.hub_url, "POST", "/hub/api/users/bob/activity", token, json=body).status_code == 404


def test_the_log_says_who_told_it_and_that_it_has_not_seen_it(both: Both) -> None:
    events = both.ours.events()
    assert events[0].type == "moving.begun"
    upto = next(event.position for event in events if event.type == "moving.done")
    assert {event.principal for event in events[:upto]} == {"import"}
    alice = next(event for event in events if event.payload.get("name") == "alice")
    assert alice.payload["since"] < alice.at
    started = [event for event in events if event.type == "server.spawn-requested"]
    assert [event.payload["since"] < event.at for event in started] == [True, True]
    seen = [event.principal for event in events if event.type == "server.ready"]
    assert seen == ["hub", "hub"], "by the hub, when it had looked"
    assert "canary" not in str([event.payload for event in events if event.position <= upto])


def test_what_moved_in_counts_once(both: Both) -> None:
    """In use, in limits and in metrics; also once the hub was killed, which joins what runs once more."""
    admin = both.held.tokens["admin"]
    for _ in range(2):
        model = both.ours.api("GET", "/usage?by=server", token=admin).json()
        assert {item["name"]: item["starts"] for item in model["items"]} == {"alice/": 1, "bob/lab": 1}
        assert (model["total"]["starts"], model["total"]["median"]) == (2, None), "they began elsewhere"
        metrics = both.ours.api("GET", "/metrics", token=admin).text
        assert "\njupyterhub_running_servers 2.0\n" in metrics
        assert "\njupyterhub_total_users 5.0\n" in metrics
        second = both.ours.api("POST", "/users/bob/servers/second", token=admin)
        assert second.status_code == 400
        assert "already has 1 named server" in second.text
        both.ours.restart()
        for user, name in (("alice", ""), ("bob", "lab")):
            path = f"/users/{user}/servers/{name}"
            wait_for(lambda path=path: both.ours.api("GET", path, token=admin).json()["ready"])  # type: ignore[misc]


def test_a_logout_ends_the_login_that_came_along(both: Both) -> None:
    browser = requests.Session()
    for name, value in both.held.cookies["bob"].items():
        browser.cookies.set(name, value, path="/")
    assert browser.get(f"{both.ours.hub_url}/hub/home", allow_redirects=False, timeout=10).status_code == 200
    assert ask(both.ours.hub_url, "GET", "/hub/api/user", both.held.tokens["visit grader"]).status_code == 200
    browser.get(f"{both.ours.hub_url}/hub/logout", allow_redirects=False, timeout=10)
    again = ask(both.ours.hub_url, "GET", "/hub/home", cookies=both.held.cookies["bob"])
    assert again.status_code == 302, "though the cookie is the same"
    assert ask(both.ours.hub_url, "GET", "/hub/api/user", both.held.tokens["visit grader"]).status_code == 403


def test_a_share_code_of_then_is_good(both: Both) -> None:
    code = both.held.codes["bob/lab"]
    answer = ask(
        both.ours.hub_url, "GET", f"/hub/accept-share?code={code}", cookies=both.held.cookies["alice"]
    )
    assert answer.status_code == 200
    assert "bob" in answer.text
    wrong = ask(
        both.ours.hub_url,
        "GET",
        f"/hub/accept-share?code={code[:4]}{'x' * 39}",
        cookies=both.held.cookies["alice"],
    )
    assert wrong.status_code == 404


def test_the_way_back(both: Both, tmp_path: Path) -> None:
    """Last, for it ends both: the real JupyterHub starts with what our hub gives it."""
    both.other.stop()
    admin = both.held.tokens["admin"]
    made = both.ours.api("POST", "/users/alice/tokens", token=admin, json={"note": "made here"}).json()[
        "token"
    ]
    both.ours.api("POST", "/users/dora", token=admin)
    assert both.ours.api("POST", "/users/dora/server", token=admin, json={"size": "new"}).status_code in (
        201,
        202,
    )
    dora = wait_for(
        lambda: (model := both.ours.api("GET", "/users/dora", token=admin).json())["server"] and model
    )
    fourth = both.ours.api("POST", "/users/carol/server", token=admin)
    assert fourth.status_code == 429, "of three that may run, two have moved in"
    assert both.ours.terminate() == 0
    target = tmp_path / "back.sqlite"
    moved = both.ours.run_another("export", "-f", "hub_config.py", "--jupyterhub", str(target))
    assert moved.returncode == 0, moved.stderr
    both.other.database.unlink()
    target.rename(both.other.database)
    both.other.start()
    url = both.other.url
    for who, token in {**both.held.tokens, "made here": made}.items():
        gone = who in ("carol short", "visit grader")  # has expired; was logged out
        assert ask(url, "GET", "/hub/api/user", token).status_code == (403 if gone else 200), who
    users = {user["name"]: user for user in ask(url, "GET", "/hub/api/users", admin).json()}
    assert list(users) == ["admin", "bob", "alice", "carol", "d@ve", "dora"]
    assert users["dora"]["servers"][""]["state"] == dora["servers"][""]["state"]
    assert users["dora"]["servers"][""]["user_options"] == {"size": "new"}
    assert str(users["bob"]["servers"]["lab"]["state"]["pid"]) == both.held.servers["/user/bob/lab/"]["pid"]
    assert users["alice"]["groups"] == ["pupils"]
    assert ask(url, "GET", "/hub/api/groups/pupils", admin).json()["properties"] == {
        "cpu": 2,
        "notes": ["ö", None],
    }
    alice = ask(url, "GET", "/hub/api/users/alice", admin).json()
    assert alice["auth_state"] == {"upstream": "canary-state-of-alice"}
    assert ask(url, "GET", "/hub/home", cookies=both.held.cookies["alice"]).status_code == 302, "logs in anew"
    assert both.other.api("DELETE", "/users/dora/server").status_code in (202, 204)
    assert GRADER_TOKEN not in moved.stdout
