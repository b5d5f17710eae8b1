"""Programs made for JupyterHub, unmodified, and our own client, against a hub that runs and one that dies."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import trio
from jupyterhub.services.auth import HubAuth as JupyterHubAuth

from tests.integration.conftest import MakeHub
from tests.integration.hub import ADMIN_TOKEN, BIN, RealHub, wait_for
from web.client import AsyncHub, Hub, HubAuth, RefusedError, StartFailedError

pytestmark = pytest.mark.slow

CULLER_TOKEN = "token-of-the-idle-culler"
CULLER = f"""
c.JupyterHub.services = [{{"name": "culler", "api_token": "{CULLER_TOKEN}"}}]
c.JupyterHub.load_roles = [{{
    "name": "culler",
    "services": ["culler"],
    "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers", "admin:users"],
}}]
"""
AT_ONCE = 'c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0, "slow_stop_timeout": 0}\n'


# --- the idle culler ---


@contextmanager
def culler(hub: RealHub, *arguments: str) -> Iterator[None]:
    """The program, as it is run beside a hub, which looks every second."""
    environment = {
        **os.environ,
        "JUPYTERHUB_API_TOKEN": CULLER_TOKEN,
        "JUPYTERHUB_API_URL": f"{hub.hub_url}/hub/api",
    }
    command = [
        str(BIN / "jupyterhub-idle-culler"),
        f"--url={hub.hub_url}/hub/api",
        "--cull-every=1",
        *arguments,
    ]
    with (hub.directory / "culler.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        yield
        assert process.poll() is None, (hub.directory / "culler.log").read_text()
    finally:
        process.kill()
        process.wait()


@contextmanager
def keeping_busy(hub: RealHub, user: str, server: str = "") -> Iterator[None]:
    """Activity every 0.2 s, as single-user servers report it."""
    done = threading.Event()

    def report() -> None:
        while not done.wait(0.2):
            now = datetime.now(UTC).isoformat()
            body = {"last_activity": now, "servers": {server: {"last_activity": now}}}
            hub.api("POST", f"/users/{user}/activity", json=body)

    thread = threading.Thread(target=report)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_the_idle_culler_ends_the_idle_server_and_spares_the_busy_one(make_hub: MakeHub) -> None:
    hub = make_hub(config=CULLER)
    hub.start()
    for user in ("alice", "bob"):
        hub.add_user(user)
        assert hub.begin(user).status_code == 201
    with keeping_busy(hub, "bob"), culler(hub, "--timeout=3"):
        hub.wait_stopped("alice", timeout=20)
        assert hub.server("bob")["ready"]
    requested = [event for event in hub.events("alice") if event.type == "server.stop-requested"]
    assert [event.principal for event in requested] == ["service/culler"]


def test_the_idle_culler_removes_named_servers_and_users(make_hub: MakeHub) -> None:
    hub = make_hub(config=CULLER)
    hub.start()
    for user in ("alice", "bob"):
        hub.add_user(user)
        assert hub.begin(user, "lab").status_code == 201
    arguments = (
        "--timeout=3",
        "--cull-users=True",
        "--cull-admin-users=False",
        "--remove-named-servers=True",
    )
    with keeping_busy(hub, "bob", "lab"), culler(hub, *arguments):
        wait_for(lambda: hub.api("GET", "/users/alice").status_code == 404, 20)
        assert hub.server("bob", "lab")["ready"]
    assert hub.api("GET", "/users/admin").status_code == 200


# --- JupyterHub's client for services ---


def auth_of_service(hub: RealHub) -> JupyterHubAuth:
    return JupyterHubAuth(
        api_token=CULLER_TOKEN, api_url=f"{hub.hub_url}/hub/api", hub_prefix="/hub/", cache_max_age=0
    )


def test_jupyterhubs_own_client_knows_users_and_services_by_their_tokens(make_hub: MakeHub) -> None:
    hub = make_hub(config=CULLER)
    hub.start()
    hub.add_user("alice")
    auth = auth_of_service(hub)
    alice = auth.user_for_token(hub.token_of("alice"), sync=True)
    assert (alice["kind"], alice["name"]) == ("user", "alice")
    assert {"self" in alice["scopes"], "access:servers!user=alice" in alice["scopes"]} == {False, True}
    service = auth.user_for_token(CULLER_TOKEN, sync=True)
    assert (service["kind"], service["name"]) == ("service", "culler")
    assert auth.user_for_token("nobody-has-this-token", sync=True) is None


@pytest.mark.parametrize(
    ("held", "asked", "found"),
    [
        (["access:servers!user=alice"], {"access:servers!user=alice"}, {"access:servers!user=alice"}),
        (
            ["access:servers!user=alice"],
            {"access:servers!server=alice/lab"},
            {"access:servers!server=alice/lab"},
        ),
        (["access:servers!user=alice"], {"access:servers!user=bob"}, set()),
        (["read:users:name!user=alice"], {"access:servers!user=alice"}, set()),
    ],
)
def test_jupyterhubs_own_client_checks_scopes(
    hub: RealHub, held: list[str], asked: set[str], found: set[str]
) -> None:
    token = hub.token_of("alice", held)
    auth = JupyterHubAuth(
        api_token=token, api_url=f"{hub.hub_url}/hub/api", hub_prefix="/hub/", cache_max_age=0
    )
    user = auth.user_for_token(token, sync=True)
    if not found:
        assert not auth.check_scopes(asked, user)
        return
    allowed = auth.check_scopes(asked, user)
    assert allowed, "a server's scope may be held as that of its user"


# --- our own client ---


def test_a_whole_life_with_the_client(hub: RealHub) -> None:
    hub.behave("bob", slow=1)
    with Hub(f"{hub.url}/hub/api", ADMIN_TOKEN) as client:
        client.create_user("bob")
        token = client.issue_token("bob", scopes=["self"]).token
        with Hub(f"{hub.url}/hub/api", token) as bobs:
            assert bobs.me().name == "bob"
            with pytest.raises(RefusedError) as refused:
                bobs.create_user("carol")
            assert refused.value.status == 403
            messages: list[str] = []
            bobs.start("bob", "lab", options={"size": "small"})
            server = bobs.wait_ready("bob", "lab", on_event=lambda event: messages.append(event.message))
            assert (server.ready, server.user_options) == (True, {"size": "small"})
            assert messages[-1] == "Server ready at /user/bob/lab/"
            bobs.stop("bob", "lab")
            bobs.wait_stopped("bob", "lab")
            bobs.stop("bob", "lab", remove=True)
        assert client.delete_user("bob")
        assert {user.name for user in client.users(limit=1)} == {"admin", "alice"}


def killing(hub: RealHub, after: Callable[[], object]) -> threading.Thread:
    """The hub is killed once something has happened, and started again a second later."""

    def run() -> None:
        after()
        hub.kill()
        threading.Event().wait(1)
        hub.start()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_waiting_outlives_the_hub(make_hub: MakeHub) -> None:
    """A hub that dies in the middle of a start carries on when it is back; so does who waits, missing nothing."""
    hub = make_hub(config=AT_ONCE)
    hub.start()
    hub.add_user("alice")
    hub.behave("alice", slow=4)
    messages: list[str] = []
    begun = threading.Event()

    def on_event(event: object) -> None:
        messages.append(event.message)  # type: ignore[attr-defined]
        begun.set()

    with Hub(f"{hub.hub_url}/hub/api", ADMIN_TOKEN) as client:
        assert client.start("alice") is False
        thread = killing(hub, lambda: begun.wait(10))
        assert client.wait_ready("alice", timeout=30, on_event=on_event).ready
        thread.join()
    assert messages.count("Spawning server...") in (1, 2), "each of the two hubs says so, once"
    others = [message for message in messages if message != "Spawning server..."]
    assert len(others) == len(set(others)), "no event came twice"
    assert messages[0] == "Server requested"
    assert messages[-1] == "Server ready at /user/alice/"


def test_a_command_outlives_the_hub_and_is_carried_out_once(hub: RealHub) -> None:
    with Hub(f"{hub.hub_url}/hub/api", ADMIN_TOKEN) as client:
        client.me()
        hub.kill()
        thread = threading.Thread(target=hub.start)
        thread.start()
        issued = client.issue_token("alice", note="while the hub was away", key="mine")
        thread.join()
        assert client.issue_token("alice", note="while the hub was away", key="mine").id == issued.id
        assert [token.note for token in client.tokens("alice")] == ["while the hub was away"]


def test_a_start_that_fails_is_told(make_hub: MakeHub) -> None:
    hub = make_hub(config=AT_ONCE)
    hub.start()
    hub.add_user("alice")
    hub.behave("alice", slow=1, exit=3)
    with Hub(f"{hub.hub_url}/hub/api", ADMIN_TOKEN) as client:
        client.start("alice")
        with pytest.raises(StartFailedError, match="status 3"):
            client.wait_ready("alice", timeout=20)
        assert client.logs("alice").exit_code == 3


async def test_many_wait_at_once_on_trio(make_hub: MakeHub) -> None:
    hub = make_hub(config=AT_ONCE)
    hub.start()
    names = [f"user{number}" for number in range(5)]
    async with AsyncHub(f"{hub.url}/hub/api", ADMIN_TOKEN) as client:
        await client.create_users(names)
        with trio.fail_after(30):
            async with trio.open_nursery() as nursery:
                for name in names:
                    hub.behave(name, slow=0.5)
                    await client.start(name)
                    nursery.start_soon(client.wait_ready, name)
        assert [user.name async for user in client.users(state="ready")] == names


async def test_requests_in_the_name_of_a_token(hub: RealHub) -> None:
    auth = HubAuth(api_token=ADMIN_TOKEN, api_url=f"{hub.url}/hub/api")
    response = await auth.api_request("GET", "/users")
    assert [user["name"] for user in response.json()] == ["admin", "alice"]
    response = await auth.api_request("POST", "/users/alice/server")
    assert (response.status_code, response.json()["ready"]) == (201, True)
    assert (await auth.api_request("GET", "/users/nobody")).status_code == 404
