"""What goes wrong in containers and engines is told in words, and what people are called is nothing but a name."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.engines.docker import DockerEngine
from tests.engines.images import python_image
from tests.engines.registry import Registry
from tests.integration.docker.conftest import MakeDockerHub
from tests.integration.docker.docker_hub import DockerHub
from tests.integration.hub import DidNotStart, wait_for

pytestmark = pytest.mark.world

HUNGRY = ["python3", "-S", "-E", "-c", "print('eating', flush=True); x = bytearray(300 << 20); print(sum(x))"]


def failure(hub: DockerHub, user: str = "alice") -> str:
    """Why the start that was asked for has failed."""
    hub.wait_stopped(user, timeout=60)
    (failed,) = [event for event in hub.events(user) if event.type == "server.spawn-failed"]
    return str(failed.payload["reason"])


def asked(hub: DockerHub, user: str = "alice") -> DockerHub:
    hub.start()
    hub.add_user(user)
    assert hub.begin(user).status_code == 202
    return hub


def test_what_ran_out_of_memory_is_told_so(make_docker_hub: MakeDockerHub) -> None:
    hub = asked(make_docker_hub("c.Spawner.mem_limit = '64M'", cmd=HUNGRY))
    assert "It ran out of memory (its limit is 64 MiB)." in failure(hub)
    assert hub.api("GET", "/users/alice/server/logs").json() == {
        "logs": ["eating"],
        "exit_code": -9,
        "running": False,
    }
    assert hub.containers() == []


def test_what_dies_later_is_noticed_at_once(make_docker_hub: MakeDockerHub) -> None:
    hub = asked(make_docker_hub("c.Spawner.poll_interval = 600"))
    hub.wait_ready("alice")
    killed = hub.engine.request("POST", f"/containers/callboard-{hub.spawn_id('alice')}/kill")
    assert killed.is_success
    hub.wait_stopped("alice", timeout=5)
    assert hub.story("alice")[-1] == "died"
    assert hub.containers() == []


@pytest.mark.parametrize(
    ("lines", "cmd", "words"),
    [
        (
            ["c.DockerSpawner.image = '127.0.0.1:9/none:1'"],
            None,
            "The image 127.0.0.1:9/none:1 could not be pulled: ",
        ),
        (
            ["c.DockerSpawner.image = '127.0.0.1:9/none:1'", "c.DockerSpawner.pull_policy = 'never'"],
            None,
            "The container engine does not have the image 127.0.0.1:9/none:1.",
        ),
        (
            ["c.DockerSpawner.image = '127.0.0.1:9/none:1'", "c.DockerSpawner.pull_policy = 'skip'"],
            None,
            "The container engine makes no container: No such image: 127.0.0.1:9/none:1",
        ),
        ([], ["no-such-program"], "The server's container could not be started: "),
        ([], ["false"], " status 1"),
        (["c.DockerSpawner.network_name = 'nowhere'"], None, "network nowhere not found"),
        (["c.JupyterHub.hub_connect_ip = '127.0.0.1'"], None, "cannot reach the hub at 127.0.0.1"),
    ],
)
def test_why_a_start_fails(
    make_docker_hub: MakeDockerHub, lines: list[str], cmd: list[str] | None, words: str
) -> None:
    hub = asked(make_docker_hub(*lines, **({"cmd": cmd} if cmd else {})))
    assert words in failure(hub)
    assert hub.containers() == []


@pytest.fixture
def registry() -> Iterator[Registry]:
    made = Registry("team/page", "1", python_image(), slow=4)
    yield made
    made.close()


def test_an_image_that_is_not_there_is_pulled_once_for_all_and_told_of(
    make_docker_hub: MakeDockerHub, registry: Registry
) -> None:
    hub = make_docker_hub("c.Spawner.start_timeout = 3", image=registry.image)  # it takes longer than that
    hub.start()
    for user in ("alice", "bob"):
        hub.add_user(user)
        hub.begin(user)
    for user in ("alice", "bob"):
        hub.wait_ready(user, timeout=60)
    told = hub.told("alice")
    assert told[0] == f"Pulling the image {registry.image}"
    assert any("% of" in message for message in told)
    assert told[-1] == "Spawning server..."
    assert hub.told("bob")[0] == f"Waiting for the image {registry.image}, which is being pulled"
    assert registry.manifests_asked <= 2
    for user in ("alice", "bob"):
        hub.end(user)
        hub.wait_stopped(user)
    assert hub.engine.request("DELETE", f"/images/{registry.image}").is_success


def test_a_pull_that_is_cancelled_leaves_nothing(make_docker_hub: MakeDockerHub, registry: Registry) -> None:
    hub = asked(make_docker_hub(image=registry.image))
    wait_for(lambda: any("% of" in message for message in hub.told("alice")), 20)
    hub.end("alice")
    hub.wait_stopped("alice", timeout=5)
    assert hub.containers() == []
    assert registry.image not in hub.engine.images()


@pytest.mark.parametrize("password", ["geheim", "wrong"])
def test_a_registry_is_told_who_the_hub_is(make_docker_hub: MakeDockerHub, password: str) -> None:
    registry = Registry("team/page", "1", python_image(), login="hub:geheim")
    try:
        hub = make_docker_hub(image=registry.image)
        login = base64.b64encode(f"hub:{password}".encode()).decode()
        (hub.directory / "config.json").write_text(
            json.dumps({"auths": {registry.image.partition("/")[0]: {"auth": login}}})
        )
        hub.start(environment={"DOCKER_CONFIG": str(hub.directory)})
        hub.add_user("alice")
        hub.begin("alice")
        if password == "wrong":
            assert "could not be pulled" in failure(hub)
        else:
            hub.wait_ready("alice")
            hub.end("alice")
            hub.wait_stopped("alice")
            assert hub.engine.request("DELETE", f"/images/{registry.image}").is_success
        for secret in (login, password):
            assert secret not in hub.log()
            assert secret.encode() not in hub.database.read_bytes()
    finally:
        registry.close()


def test_an_image_that_its_registry_does_not_have_is_told_of(
    make_docker_hub: MakeDockerHub, registry: Registry
) -> None:
    missing = registry.image.replace("page:1", "page:2")
    hub = asked(make_docker_hub(image=missing))
    assert failure(hub).startswith(
        f"The image {missing} could not be pulled: manifest for {missing} not found"
    )


@pytest.fixture
def small_engine() -> Iterator[DockerEngine]:
    """One whose disk is about to be full."""
    engine = DockerEngine()
    data = engine.directory / "data"
    data.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", str(data)], check=True)
    try:
        engine.start()
        yield engine
    finally:
        (data / "ballast").unlink(missing_ok=True)
        left = engine.close()  # which unmounts what is below its directory
    assert left == []


def test_an_engine_without_room_says_so_and_goes_on_once_there_is_some(
    small_engine: DockerEngine, tmp_path: Path
) -> None:
    hub = DockerHub(tmp_path / "hub", small_engine)
    try:
        hub.start()
        hub.add_user("alice")
        hub.add_user("bob")
        hub.begin("bob")
        hub.wait_ready("bob")
        ballast = small_engine.directory / "data" / "ballast"
        with pytest.raises(OSError, match="No space left"):
            ballast.write_bytes(bytes(300 * 2**20))
        hub.begin("alice")
        assert "no space left on device" in failure(hub)
        assert hub.server("bob")["ready"]
        ballast.unlink()
        hub.begin("alice")
        hub.wait_ready("alice")
        for user in ("alice", "bob"):
            hub.end(user)
            hub.wait_stopped(user)
        assert hub.containers() == []
    finally:
        hub.close()


@pytest.mark.parametrize("user", ["$(id)", "a;b", "--privileged", "x:ro", "{servername}", "a'b\"c`d", "ä b"])
def test_a_name_is_nothing_but_a_name(make_docker_hub: MakeDockerHub, user: str) -> None:
    hub = make_docker_hub(
        "c.DockerSpawner.volumes = {'home-{username}': '/home/somebody', 'raw': '/raw/{raw_username}'}",
        "c.Spawner.notebook_dir = '/home/{username}'",
        "c.Spawner.args = ['--name', '$(id)', 'a;b']",
        "c.Spawner.environment = {'WHO': lambda spawner: spawner.user.name}",
        "c.DockerSpawner.extra_create_kwargs = {'labels': {'who': '$(id)'}, 'hostname': 'lab'}",
        "c.DockerSpawner.allowed_images = ['callboard-test/python:1']",
    )
    hub.start()
    path = quote(user, safe="")
    assert hub.api("POST", f"/users/{path}").status_code == 201
    assert hub.api("POST", f"/users/{path}/server", json={"image": "$(id)"}).status_code == 400
    assert hub.api("POST", f"/users/{path}/server", json={"note": "a;b $(id)"}).status_code == 202
    wait_for(lambda: hub.api("GET", f"/users/{path}/servers/").json()["ready"], 20)
    (container,) = hub.containers()
    assert container["Labels"]["callboard.user"] == user.lower()
    told = hub.api("GET", f"/users/{path}/servers/").json()
    page = hub.request("GET", f"{told['url']}self").json()
    assert page["environment"]["WHO"] == user.lower()
    assert page["environment"]["JUPYTERHUB_USER"] == user.lower()
    assert page["arguments"] == ["--name", "$(id)", "a;b"]
    assert all(name.replace("-", "").isalnum() for name in hub.engine.volumes())
    assert hub.api("DELETE", f"/users/{path}").status_code == 202
    wait_for(lambda: hub.containers() == [] and hub.engine.volumes() == ["raw"], 30)
    assert hub.engine.request("DELETE", "/volumes/raw").is_success


def test_a_hub_with_an_older_log_touches_nothing_that_a_later_one_has_started(
    make_docker_hub: MakeDockerHub,
) -> None:
    hub = make_docker_hub()
    hub.start()
    hub.add_user("alice")
    assert hub.run_another("backup", "backup.sqlite").returncode == 0
    hub.begin("alice")
    hub.wait_ready("alice")
    running = hub.running("alice")
    hub.kill()
    assert hub.run_another("restore", "--force", "backup.sqlite").returncode == 0
    with pytest.raises(DidNotStart, match="alice/"):
        hub.start()
    assert hub.running("alice") == running
    hub.command.append("--adopt")
    hub.start()
    hub.wait_ready("alice")
    assert hub.running("alice") == running
    hub.end("alice")
    hub.wait_stopped("alice")
    assert hub.containers() == []
