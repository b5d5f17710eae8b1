"""What a container is asked to be."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from core.errors import SpawnError
from core.plugins.spawner import Attempt
from spawners.docker.create_body import create_body
from spawners.docker.engine.place import Place
from spawners.docker.settings import DockerSettings
from tests.unit.spawners.docker.configured import docker_settings

HERE, AWAY = Place(socket="/run/docker.sock"), Place(host="engine.example", port=2376, tls=True)
SPAWN_ID = "s" + "0" * 25
HUB = {"JUPYTERHUB_API_URL": "http://172.17.0.1:8081/hub/api"}


def attempt(user: str = "alice", server: str = "", environment: dict[str, str] = HUB) -> Attempt:
    ids = {"user_id": "u" * 26, "server_id": "v" * 26}
    prefix = f"/user/{user}/{server}".rstrip("/") + "/"
    return Attempt(SPAWN_ID, user, server, prefix, {}, environment, mark="body.seal", **ids)


def body(
    settings: DockerSettings | None = None,
    of: Attempt | None = None,
    place: Place = HERE,
    image_cmd: tuple[str, ...] = (),
) -> dict[str, Any]:
    settings = settings or DockerSettings()
    return create_body(of or attempt(), settings, place, list(image_cmd), settings.inner_port)


def surroundings(*lines: str, of: Attempt | None = None, place: Place = HERE) -> dict[str, Any]:
    made: dict[str, Any] = body(docker_settings(*lines), of, place)["HostConfig"]
    return made


def test_it_is_marked_as_the_hubs_and_never_started_by_the_engine_itself() -> None:
    made = body()
    assert made["Labels"] == {
        "callboard.hub": "callboard",
        "callboard.spawn-id": SPAWN_ID,
        "callboard.user": "alice",
        "callboard.server": "",
        "callboard.user-id": "u" * 26,
        "callboard.server-id": "v" * 26,
        "callboard.mark": "body.seal",
        "callboard.reached": "published",
        "callboard.port": "8888",
    }
    assert made["HostConfig"]["RestartPolicy"] == {"Name": "no"}
    assert made["HostConfig"]["AutoRemove"] is False


def test_labels_and_surroundings_of_the_hubs_own_cannot_be_changed() -> None:
    made = body(
        docker_settings(
            "c.DockerSpawner.extra_create_kwargs = {'labels': {'team': 'x', 'callboard.hub': 'y'}, 'name': 'z'}",
            "c.DockerSpawner.extra_host_config = {'auto_remove': True, 'RestartPolicy': {'Name': 'always'}}",
        )
    )
    assert made["Labels"]["team"] == "x"
    assert made["Labels"]["callboard.hub"] == "callboard"
    assert "Name" not in made
    assert made["HostConfig"]["RestartPolicy"] == {"Name": "no"}


def test_its_environment_is_what_is_named_and_nothing_of_the_hubs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "C.UTF-8")
    settings = docker_settings(
        "c.Spawner.env_keep = ['PATH', 'LANG']", "c.Spawner.environment = {'COURSE': 'a;b $(id)'}"
    )
    made = dict(item.split("=", 1) for item in body(settings)["Env"])
    assert made == {
        "JUPYTERHUB_SERVICE_URL": "http://0.0.0.0:8888/user/alice/",
        "COURSE": "a;b $(id)",
        "CALLBOARD_SPAWN_ID": SPAWN_ID,
        **HUB,
    }


def test_what_no_environment_can_hold_is_refused_without_saying_what_it_is() -> None:
    with pytest.raises(SpawnError, match=r"cannot be handed to a container\.$") as refusal:
        body(of=attempt(environment={"JUPYTERHUB_API_TOKEN": "t0p-s3cret\0"}))
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("lines", "image_cmd", "command"),
    [
        ([], ["start-singleuser"], None),
        (["c.DockerSpawner.cmd = 'serve'"], ["start-singleuser"], ["serve"]),
        (["c.Spawner.args = ['--debug', '$(id)']"], ["start.sh", "x"], ["start.sh", "x", "--debug", "$(id)"]),
        (["c.Spawner.cmd = ['serve', 'a;b']", "c.Spawner.args = ['-v']"], [], ["serve", "a;b", "-v"]),
    ],
)
def test_its_command_is_the_images_unless_one_is_given(
    lines: list[str], image_cmd: list[str], command: list[str] | None
) -> None:
    assert body(docker_settings(*lines), image_cmd=tuple(image_cmd)).get("Cmd") == command


def test_arguments_for_no_command_are_refused() -> None:
    with pytest.raises(SpawnError, match="no command to give arguments to"):
        body(docker_settings("c.Spawner.args = ['--debug']"))


@pytest.mark.parametrize(
    ("lines", "made"),
    [
        (["c.Spawner.mem_limit = '1G'"], {"Memory": 2**30, "MemorySwap": 2**30}),
        (["c.Spawner.mem_guarantee = '512M'"], {"MemoryReservation": 2**29}),
        (["c.Spawner.cpu_limit = 1.5"], {"NanoCpus": 1_500_000_000}),
        (["c.Spawner.cpu_guarantee = 0.5"], {"CpuShares": 512}),
        (["c.DockerSpawner.gpus = 2"], {"DeviceRequests": [{"Count": 2, "Capabilities": [["gpu"]]}]}),
        (["c.DockerSpawner.gpus = 'all'"], {"DeviceRequests": [{"Count": -1, "Capabilities": [["gpu"]]}]}),
        (
            ["c.DockerSpawner.gpus = ['0', 'GPU-3a']"],
            {"DeviceRequests": [{"DeviceIDs": ["0", "GPU-3a"], "Capabilities": [["gpu"]]}]},
        ),
        (["c.DockerSpawner.links = {'db': 'database'}"], {"Links": ["db:database"]}),
        (["c.DockerSpawner.network_name = 'lab'"], {"NetworkMode": "lab"}),
        (["c.DockerSpawner.extra_host_config = {'network_mode': 'lab'}"], {"NetworkMode": "lab"}),
        (["c.DockerSpawner.extra_host_config = {'shm_size': '1G'}"], {"ShmSize": 2**30}),
        (["c.DockerSpawner.extra_host_config = {'mem_limit': '2G'}"], {"Memory": 2**31}),
    ],
)
def test_limits_and_surroundings(lines: list[str], made: dict[str, Any]) -> None:
    assert made.items() <= surroundings(*lines).items()


@pytest.mark.parametrize(
    ("lines", "place", "bindings"),
    [
        ([], HERE, {"8888/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}),
        ([], AWAY, {"8888/tcp": [{"HostIp": "0.0.0.0", "HostPort": ""}]}),
        (
            ["c.DockerSpawner.host_ip = '10.0.0.5'", "c.DockerSpawner.port = 80"],
            AWAY,
            {"80/tcp": [{"HostIp": "10.0.0.5", "HostPort": ""}]},
        ),
        (["c.DockerSpawner.use_internal_ip = True"], HERE, None),
        (["c.DockerSpawner.network_name = 'host'"], HERE, None),
    ],
)
def test_where_its_port_is_published(lines: list[str], place: Place, bindings: dict[str, Any] | None) -> None:
    assert surroundings(*lines, place=place).get("PortBindings") == bindings


def test_with_the_network_of_the_machine_it_listens_where_it_is_told_to() -> None:
    made = body(docker_settings("c.DockerSpawner.network_name = 'host'", "c.Spawner.port = 4711"))
    assert "JUPYTERHUB_SERVICE_URL=http://127.0.0.1:4711/user/alice/" in made["Env"]
    assert made["Labels"]["callboard.reached"] == "host"


def test_the_hubs_machine_is_found_by_its_name() -> None:
    name = socket.gethostname().lower()
    named = attempt(environment={"JUPYTERHUB_API_URL": f"http://{name}:8081/hub/api"})
    assert surroundings(of=named)["ExtraHosts"] == [f"{name}:host-gateway"]
    assert "ExtraHosts" not in surroundings(of=named, place=AWAY)


# --- what is kept ---


def volume(source: str, target: str, of: str, **more: Any) -> dict[str, Any]:
    """`of`: whose it is by its labels."""
    user = {"callboard.user": "alice", "callboard.user-id": "u" * 26}
    server = {**user, "callboard.server": "lab", "callboard.server-id": "v" * 26}
    labels = {"callboard.hub": "callboard", **{"nobody": {}, "user": user, "server": server}[of]}
    return {
        "Type": "volume",
        "Source": source,
        "Target": target,
        "ReadOnly": False,
        "VolumeOptions": {"Labels": labels},
        **more,
    }


@pytest.mark.parametrize(
    ("lines", "binds", "mounts"),
    [
        (
            ["c.DockerSpawner.volumes = {'home-{username}': '/home/{username}'}"],
            None,
            [volume("home-alice", "/home/alice", "user")],
        ),
        (
            ["c.DockerSpawner.volumes = {'home-{username}-{servername}': '/home'}"],
            None,
            [volume("home-alice-lab", "/home", "server")],
        ),
        (
            ["c.DockerSpawner.volumes = {'home-{server_id}': '/home'}"],
            None,
            [volume(f"home-{'v' * 26}", "/home", "server")],
        ),
        (
            ["c.DockerSpawner.read_only_volumes = {'course': '/course'}"],
            None,
            [volume("course", "/course", "nobody", ReadOnly=True)],
        ),
        (
            ["c.DockerSpawner.volumes = {'/srv/{username}': {'bind': '/home', 'mode': 'z'}}"],
            ["/srv/alice:/home:z"],
            None,
        ),
        (["c.DockerSpawner.read_only_volumes = {'/data': '/data'}"], ["/data:/data:ro"], None),
        (
            ["c.DockerSpawner.volumes = {'/srv/a:b': '/home'}"],
            None,
            [{"Type": "bind", "Source": "/srv/a:b", "Target": "/home", "ReadOnly": False}],
        ),
        (
            ["c.DockerSpawner.mounts = [{'type': 'bind', 'source': '/srv/{username}', 'target': '/home'}]"],
            None,
            [{"Type": "bind", "Source": "/srv/alice", "Target": "/home"}],
        ),
        (
            ["c.DockerSpawner.volumes = {'home': '/home'}", "c.DockerSpawner.volume_driver = 'nfs'"],
            None,
            [
                volume(
                    "home",
                    "/home",
                    "nobody",
                    VolumeOptions={
                        "Labels": {"callboard.hub": "callboard"},
                        "DriverConfig": {"Name": "nfs"},
                    },
                )
            ],
        ),
    ],
)
def test_what_is_kept(lines: list[str], binds: list[str] | None, mounts: list[dict[str, Any]] | None) -> None:
    made = surroundings(*lines, of=attempt(server="lab"))
    assert (made.get("Binds"), made.get("Mounts")) == (binds, mounts)


@pytest.mark.parametrize("user", ["$(id)", "a;b", "x:/etc", "{servername}", "-v", "ä b"])
def test_a_user_name_is_nothing_but_a_name(user: str) -> None:
    made = surroundings(
        "c.DockerSpawner.volumes = {'home-{username}': '/home', '/srv/{username}': '/srv'}",
        of=attempt(user=user),
    )
    (mount,), (bind,) = made["Mounts"], made["Binds"]
    assert mount["Source"].replace("-", "").isalnum()
    assert mount["Source"].isascii()
    assert bind.count(":") == 2
