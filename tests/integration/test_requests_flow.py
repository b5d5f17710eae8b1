"""JupyterHub's documented way to start, follow, use and stop a server over HTTP, with `requests` and nothing else."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.integration.conftest import MakeHub
from tests.integration.hub import ADMIN_TOKEN, RealHub, children, descriptors, wait_for

pytestmark = pytest.mark.slow

AT_ONCE = 'c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0, "slow_stop_timeout": 0}\n'


# --- the clients ---


def server_ready(hub_url: str, user: str, token: str, server_name: str = "") -> bool:
    """The documentation's first example: it asks for the server and looks for a `servers` in what it gets.

    Only the order of its parameters is ours: the one that is printed is not Python.
    """
    r = requests.get(
        f"{hub_url}/hub/api/users/{user}/servers/{server_name}",
        headers={"Authorization": f"token {token}"},
    )
    r.raise_for_status()
    user_model = r.json()
    servers = user_model.get("servers", {})
    if server_name not in servers:
        return False
    server = servers[server_name]
    if server["ready"]:
        print(f"Server {user}/{server_name} ready at {server['url']}")
        return True
    print(f"Server {user}/{server_name} not ready, pending {server['pending']}")
    return False


def server_in_user_model(session: requests.Session, hub_url: str, user: str, name: str = "") -> Any:
    """What the text describes: it asks for the user. None while the server is not active."""
    r = session.get(f"{hub_url}/hub/api/users/{user}")
    r.raise_for_status()
    return r.json().get("servers", {}).get(name)


def event_stream(session: requests.Session, url: str, **headers: str) -> Iterator[dict[str, Any]]:
    with session.get(url, stream=True, headers=headers) as r:
        r.raise_for_status()
        assert r.headers["Content-Type"] == "text/event-stream"
        for line in r.iter_lines():
            text = line.decode("utf8", "replace")
            if text.startswith("data:"):
                yield json.loads(text.split(":", 1)[1])


def start_server(session: requests.Session, hub_url: str, user: str, name: str = "") -> str:
    """Its URL, once it is ready."""
    server = server_in_user_model(session, hub_url, user, name)
    if server is None:
        r = session.post(f"{hub_url}/hub/api/users/{user}/servers/{name}")
        r.raise_for_status()
        assert r.status_code in (201, 202)
        assert r.content == b""
        server = server_in_user_model(session, hub_url, user, name)
    assert server["pending"] if not server["ready"] else server["pending"] is None
    for event in event_stream(session, f"{hub_url}{server['progress_url']}"):
        assert isinstance(event["message"], str)
        if event.get("ready"):
            return f"{hub_url}{event['url']}"
    raise ValueError("never started")


def stop_server(session: requests.Session, hub_url: str, user: str, name: str = "") -> int:
    """The status of the request; returns once the server is gone from the user model."""
    r = session.delete(f"{hub_url}/hub/api/users/{user}/servers/{name}")
    r.raise_for_status()
    while r.status_code == 202:
        server = server_in_user_model(session, hub_url, user, name)
        if server is None:
            break
        assert server["pending"] == "stop"
        time.sleep(0.05)
    return r.status_code


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers["Authorization"] = f"token {ADMIN_TOKEN}"
        yield session


# --- what they see ---


@pytest.mark.parametrize("name", ["", "lab"])
@pytest.mark.parametrize("config", ["", AT_ONCE], ids=["patient", "at once"])
def test_the_documented_flow(make_hub: MakeHub, session: requests.Session, config: str, name: str) -> None:
    hub = make_hub(config=config)
    hub.start()
    hub.add_user("alice")
    user = session.get(f"{hub.url}/hub/api/users/alice").json()
    assert user["servers"] == {}
    assert {"name", "kind", "admin", "groups", "pending", "server", "roles", "created"} <= user.keys()
    url = start_server(session, hub.url, "alice", name)
    assert url == f"{hub.url}/user/alice/{f'{name}/' if name else ''}"
    assert server_ready(hub.url, "alice", ADMIN_TOKEN, name)
    server = server_in_user_model(session, hub.url, "alice", name)
    assert server["name"] == name
    assert server["ready"] is True
    assert server["pending"] is None
    assert server["user_options"] == {}
    assert server["started"].endswith("Z")
    assert session.get(f"{url}api").json()["prefix"] == server["url"]
    assert start_server(session, hub.url, "alice", name) == url  # one that runs already
    status = stop_server(session, hub.url, "alice", name)
    assert status == (202 if config else 204)
    assert not hub.server_processes()
    assert stop_server(session, hub.url, "alice", name) == 204  # stopped already
    if not name:
        assert session.get(f"{hub.url}/hub/api/users/alice/servers/").json()["stopped"] is True


FORM = """
c.Spawner.options_form = '<label>Image <input name="image"></label>'
c.Spawner.options_from_form = lambda form: {"image": form["image"][0]}
"""


def test_a_form_starts_a_server_that_was_never_started(make_hub: MakeHub) -> None:
    hub = make_hub(config=FORM)
    hub.start()
    hub.add_user("alice")
    with requests.Session() as browser:
        browser.get(f"{hub.url}/hub/login")
        fields = {"_xsrf": browser.cookies["_xsrf"], "username": "alice", "password": ""}
        page = browser.post(f"{hub.url}/hub/login?next=/hub/spawn/alice", data=fields)
        assert 'name="image"' in page.text
        fields = {"_xsrf": browser.cookies["_xsrf"], "image": "scipy"}
        answer = browser.post(f"{hub.url}/hub/spawn/alice", data=fields, allow_redirects=False)
        assert (answer.status_code, answer.headers["Location"]) == (302, "/hub/spawn-pending/alice")
        wait_for(lambda: server_ready(hub.url, "alice", ADMIN_TOKEN))
    assert hub.user("alice")["servers"][""]["user_options"] == {"image": "scipy"}


def test_both_ways_to_poll_agree_all_along(make_hub: MakeHub, session: requests.Session) -> None:
    hub = make_hub(config=AT_ONCE)
    hub.behave("alice", slow=0.5, lingers=0.5)
    hub.start()
    hub.add_user("alice")
    assert not server_ready(hub.url, "alice", ADMIN_TOKEN)
    assert server_in_user_model(session, hub.url, "alice") is None
    hub.begin("alice")
    seen = []
    for stage in ("start", "stop"):
        while True:
            ready = server_ready(hub.url, "alice", ADMIN_TOKEN)
            server = server_in_user_model(session, hub.url, "alice")
            seen.append("gone" if server is None else server["pending"] or "ready")
            assert ready <= (server is not None and server["ready"]) or stage == "stop"
            if seen[-1] == ("ready" if stage == "start" else "gone"):
                break
        if stage == "start":
            hub.end("alice")
    assert list(dict.fromkeys(seen)) == ["spawn", "ready", "stop", "gone"]


DEFAULT = ["server", "servers/"]


@pytest.mark.parametrize("path", DEFAULT)
def test_both_names_of_the_default_server(hub: RealHub, session: requests.Session, path: str) -> None:
    url = f"{hub.url}/hub/api/users/alice/{path}"
    assert session.get(url).json()["stopped"] is True
    assert session.post(url).status_code == 201
    for other in DEFAULT:
        assert session.get(f"{hub.url}/hub/api/users/alice/{other}").json()["ready"] is True
    for progress in ("server/progress", "servers//progress"):
        (event,) = event_stream(session, f"{hub.url}/hub/api/users/alice/{progress}")
        assert event == {
            "progress": 100,
            "ready": True,
            "message": "Server ready at /user/alice/",
            "html_message": 'Server ready at <a href="/user/alice/">/user/alice/</a>',
            "url": "/user/alice/",
        }
    assert session.delete(url).status_code == 204
    assert session.get(f"{url}/progress").status_code in (400, 404)


def test_a_stream_that_breaks_off_is_resumed(make_hub: MakeHub, session: requests.Session) -> None:
    hub = make_hub(config=AT_ONCE)
    hub.behave("alice", slow=1)
    hub.start()
    hub.add_user("alice")
    hub.begin("alice")
    path = "/hub/api/users/alice/servers//progress"
    with hub.stream(path) as lines:
        seen = next(line for line in lines if line.startswith("id:"))[3:].strip()
        first = next(lines.events())
    assert first == {"progress": 0, "message": "Server requested"}
    hub.restart()  # the positions of the log are those of the next hub too
    with hub.stream(path, headers={"Last-Event-ID": seen}) as lines:
        rest = list(lines.events())
    assert first not in rest
    assert rest[-1]["ready"] is True
    with hub.stream(path, headers={"Last-Event-ID": "nonsense"}) as lines:
        assert [event["progress"] for event in lines.events()] == [100]


def test_many_follow_one_start(make_hub: MakeHub) -> None:
    """Whoever joins, whenever, sees it from its beginning, and hears that it is alive."""
    hub = make_hub(config=AT_ONCE)
    hub.behave("alice", slow=1)
    hub.start()
    hub.add_user("alice")
    hub.begin("alice")
    told: list[list[dict[str, Any]]] = []

    def follow() -> None:
        with hub.stream("/hub/api/users/alice/server/progress") as lines:
            told.append(list(lines.events()))

    readers = [threading.Thread(target=follow) for _ in range(10)]
    for reader in readers:
        reader.start()
        time.sleep(0.05)
    for reader in readers:
        reader.join()
    assert all(events == told[0] for events in told)
    assert [event["progress"] for event in told[0]] == [0, 50, 100]


def test_a_stop_can_be_followed_too(make_hub: MakeHub, session: requests.Session) -> None:
    hub = make_hub(config=AT_ONCE)
    hub.behave("alice", lingers=0.5)
    hub.start()
    hub.add_user("alice")
    hub.begin("alice")
    hub.wait_ready("alice")
    assert hub.end("alice").status_code == 202
    told = list(event_stream(session, f"{hub.url}/hub/api/users/alice/server/progress"))
    assert told[0]["message"] == "Stop requested"
    assert told[-1]["progress"] == 100
    assert told[-1]["stopped"] is True
    assert server_in_user_model(session, hub.url, "alice") is None


def test_a_start_that_fails_says_so(make_hub: MakeHub, session: requests.Session) -> None:
    hub = make_hub()
    hub.behave("alice", exit=7)
    hub.start()
    hub.add_user("alice")
    answer = hub.begin("alice")
    assert answer.status_code == 500
    assert "7" in answer.json()["message"]
    for _ in range(2):
        (event,) = event_stream(session, f"{hub.url}/hub/api/users/alice/server/progress")
        assert event["failed"] is True
        assert event["message"].startswith("Spawn failed: ")
        assert "7" in event["message"]
    assert server_in_user_model(session, hub.url, "alice") is None
    hub.behave("alice")
    assert hub.begin("alice").status_code == 201


def test_a_start_that_is_cancelled_says_so(make_hub: MakeHub) -> None:
    hub = make_hub()
    hub.behave("alice", slow=30)
    hub.start()
    hub.add_user("alice")
    asked: list[requests.Response] = []
    starting = threading.Thread(target=lambda: asked.append(hub.begin("alice")))
    starting.start()
    hub.wait_begun("alice")
    with hub.stream("/hub/api/users/alice/server/progress") as lines:
        events = lines.events()
        assert next(events)["progress"] == 0
        assert hub.begin("alice").status_code == 202  # asked twice is asked once
        assert hub.end("alice").status_code == 204
        last = list(events)[-1]
    assert last == {"progress": 100, "failed": True, "message": "Spawn cancelled"}
    starting.join()
    assert asked[0].status_code == 500
    assert hub.server_processes() == []


def test_a_server_that_dies_is_noticed_at_once(hub: RealHub) -> None:
    hub.begin("alice")
    hub.wait_ready("alice")
    (process,) = hub.server_processes()
    os.kill(process.pid, signal.SIGKILL)
    wait_for(lambda: hub.server("alice")["stopped"], 2)
    assert hub.page("alice").status_code == 302
    assert hub.begin("alice").status_code == 201


def test_visitors_of_a_stopped_server_are_sent_to_the_hub(hub: RealHub) -> None:
    redirect = hub.page("alice", rest="lab?x=1")
    assert redirect.status_code == 302
    assert redirect.headers["Location"] == "/hub/user/alice/lab?x=1"
    answer = hub.request("GET", redirect.headers["Location"], headers={"Accept": "application/json"})
    assert answer.status_code == 424


def test_tokens_in_both_forms(hub: RealHub) -> None:
    token = hub.token_of("alice")
    for form in ("token", "Token", "bearer", "Bearer"):
        answer = hub.api("GET", "/user", headers={"Authorization": f"{form} {token}"})
        assert answer.json()["name"] == "alice"
    assert hub.api("GET", "/user", token=None).status_code == 403
    assert hub.api("GET", f"/user?token={token}", token=None).status_code == 403
    assert hub.api("GET", "/users/admin", token=token).status_code == 404  # not for alice to know


def test_many_servers_at_once(hub: RealHub) -> None:
    names = [f"lab{number}" for number in range(12)]
    answers: dict[str, int] = {}

    def begin(name: str) -> None:
        answers[name] = hub.begin("alice", name).status_code

    def end(name: str) -> None:
        answers[name] = hub.end("alice", name).status_code

    for work, expected in ((begin, 201), (end, 204)):
        threads = [threading.Thread(target=work, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == dict.fromkeys(names, expected)
    assert hub.server_processes() == []
    hub.check_log()


def test_two_hundred_lives_leave_nothing_behind(make_hub: MakeHub) -> None:
    """No file descriptor, no zombie, no growing memory."""
    hub = make_hub()
    hub.start()
    users = [f"user{number}" for number in range(10)]
    for user in users:
        hub.add_user(user)

    def live(user: str, times: int) -> None:
        for _ in range(times):
            assert hub.begin(user).status_code in (201, 202)
            hub.wait_ready(user)
            assert hub.end(user).status_code == 204

    def all_live(times: int) -> None:
        threads = [threading.Thread(target=live, args=(user, times)) for user in users]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    all_live(2)
    pids = {"hub": hub.pid, "proxy": hub.proxy_pid()}
    before = {name: descriptors(pid) for name, pid in pids.items()}
    all_live(20)
    for user in users:
        assert hub.story(user).count("stopped") == 22
    wait_for(lambda: not any(process.spawn_id for process in hub.processes()))
    assert "Z" not in {state for _, state in children(hub.pid)}
    assert len(children(hub.pid)) == 1  # the proxy
    for name, pid in pids.items():
        wait_for(lambda name=name, pid=pid: descriptors(pid) <= before[name] + 5)
    attempts = list((hub.directory / "callboard.sqlite-servers").iterdir())
    assert len(attempts) <= len(users)  # only the last one of each is kept, for its output
    hub.check_log()


@pytest.mark.parametrize("port", ["proxy", "hub"])
def test_three_thousand_refused_commands_all_hear_of_it(hub: RealHub, port: str) -> None:
    """Head and body are sent apart, and the refusal follows from the head alone."""
    url = hub.url if port == "proxy" else hub.hub_url
    with requests.Session() as session:
        codes = {
            session.post(f"{url}/hub/api/users", data=bytes(10 + number % 3 * 50_000)).status_code
            for number in range(3000)
        }
    assert codes == {403}


def test_hypercorn_serves_a_hub_too(make_hub: MakeHub, session: requests.Session) -> None:
    hub = make_hub(config='c.Callboard.http_engine = "hypercorn"\n')
    hub.start()
    hub.add_user("alice")
    url = start_server(session, hub.url, "alice")
    assert session.get(f"{url}api").ok
    assert stop_server(session, hub.url, "alice") == 204
    assert hub.terminate() == 0
