"""`c.DockerSpawner`: what acts, what does not and says why, and what a start may ask for."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from core.errors import SpawnError
from core.settings import ConfigError, Settings
from spawners.docker.extra import engine_names
from spawners.docker.settings import DockerSettings
from spawners.docker.traits import KNOWN, REASONS
from tests.unit.spawners.docker.configured import docker_configured, docker_settings
from web.hook_views.setting_values import checked
from web.lifecycle.reload import merged


def test_lines_of_a_configuration_for_dockerspawner_act() -> None:
    """As they stand in its documentation."""
    settings, notes = docker_configured(
        'c.DockerSpawner.image = "jupyter/base-notebook:lab-4.0"',
        'c.DockerSpawner.allowed_images = {"Lab": "jupyter/base-notebook:lab-4.0", "R": "jupyter/r-notebook"}',
        'c.DockerSpawner.pull_policy = "IfNotPresent"',
        'c.DockerSpawner.cmd = "start-singleuser.sh"',
        'c.DockerSpawner.network_name = "hub"',
        "c.DockerSpawner.use_internal_ip = True",
        'c.DockerSpawner.host_ip = "0.0.0.0"',
        "c.DockerSpawner.port = 9999",
        "c.DockerSpawner.remove = False",
        'c.DockerSpawner.notebook_dir = "/home/jovyan/work"',
        'c.DockerSpawner.volumes = {"jupyterhub-user-{username}": "/home/jovyan/work"}',
        'c.DockerSpawner.read_only_volumes = {"/srv/course": {"bind": "/course", "mode": "z"}}',
        'c.DockerSpawner.volume_driver = "local"',
        'c.DockerSpawner.mounts = [{"source": "/data", "target": "/data", "type": "bind"}]',
        'c.DockerSpawner.links = {"db": "db"}',
        'c.DockerSpawner.mem_limit = "2G"',
        "c.DockerSpawner.cpu_limit = 1.5",
        'c.DockerSpawner.environment = {"COURSE": "x"}',
        'c.DockerSpawner.extra_create_kwargs = {"user": "root"}',
        'c.DockerSpawner.extra_host_config = {"cap_add": ["SYS_ADMIN"], "devices": ["/dev/fuse"]}',
    )
    assert notes == []
    assert settings.pull_policy == "ifnotpresent"
    assert settings.cmd == ["start-singleuser.sh"]
    assert settings.volumes == {"jupyterhub-user-{username}": {"bind": "/home/jovyan/work", "mode": "rw"}}
    assert settings.read_only_volumes == {"/srv/course": {"bind": "/course", "mode": "z"}}
    assert settings.extra_create_kwargs == {"User": "root"}
    fuse = {"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/fuse", "CgroupPermissions": "rwm"}
    assert settings.extra_host_config == {"CapAdd": ["SYS_ADMIN"], "Devices": [fuse]}
    assert (settings.mem_limit, settings.inner_port, settings.remove) == (2**31, 9999, False)


@pytest.mark.parametrize(
    ("line", "note"),
    [
        *(
            (f"c.DockerSpawner.{name} = 1", f"c.DockerSpawner.{name}: ignored ({why})")
            for name, why in REASONS.items()
        ),
        ("c.DockerSpawner.post_start_cmd = 'ls'", "c.DockerSpawner.post_start_cmd: not yet"),
        ("c.DockerSpawner.imge = 'x'", "c.DockerSpawner.imge: unknown (did you mean image?)"),
        (
            "c.Spawner.env_keep = ['PATH']",
            "c.Spawner.env_keep: ignored (containers get nothing of the hub's environment: use environment)",
        ),
        (
            "c.DockerSpawner.extra_host_config = {'restart_policy': {'Name': 'always'}}",
            "c.DockerSpawner.extra_host_config['restart_policy']: ignored (the hub says what runs)",
        ),
    ],
)
def test_what_does_not_act_says_why(line: str, note: str) -> None:
    assert docker_configured(line)[1] == [note]


def test_no_trait_acts_and_is_said_not_to() -> None:
    assert not REASONS.keys() & set(DockerSettings.__struct_fields__)
    assert not REASONS.keys() & KNOWN


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        ("c.DockerSpawner.image = 'a b'", "not the name of an image: 'a b'"),
        ("c.DockerSpawner.image = '../containers/x'", "not the name of an image"),
        ("c.DockerSpawner.image = 3", "expected str, got int"),
        ("c.DockerSpawner.allowed_images = 'team/r'", "expected a list of images, a dict from choices to images, or"),
        ("c.DockerSpawner.allowed_images = lambda spawner: []", "expected a list of images"),
        ("c.DockerSpawner.allowed_images = ['A B']", "not the name of an image: 'A B'"),
        ("c.DockerSpawner.pull_policy = 'sometimes'", "'sometimes'"),
        ("c.DockerSpawner.volumes = {'x': 3}", "['x']: expected a path, or a dict of bind and mode"),
        ("c.DockerSpawner.volumes = ['x']", "expected dict, got list"),
        ("c.DockerSpawner.gpus = -1", "expected a number of GPUs, 'all', or a list of their ids"),
        ("c.DockerSpawner.extra_host_config = {'shm_size': 'big'}", "expected a number of bytes"),
        ("c.DockerSpawner.extra_host_config = {'devices': 3}", "['Devices']: not in a form that Docker's clients take"),
        ("c.DockerSpawner.hub_label = ''", "hub_label"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_one_line(line: str, allowed: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        docker_settings(line)
    assert allowed in str(refusal.value)
    assert "\n" not in str(refusal.value)


LIST = ["team/plain:1", "team/r:1"]
DICT = {"Plain": "team/plain:1", "R": "team/r:1"}


@pytest.mark.parametrize(
    ("allowed", "asked", "image"),
    [
        ({}, None, "team/plain:1"),
        ({}, "team/plain:1", "team/plain:1"),
        ({}, "team/r:1", 400),
        (LIST, None, "team/plain:1"),
        (LIST, "team/r:1", "team/r:1"),
        (LIST, ["team/r:1"], "team/r:1"),
        (LIST, LIST, 400),
        (LIST, "team/x:1", 400),
        (LIST, "team/r:1 ", 400),
        (LIST, 3, 400),
        (LIST, "$(id)", 400),
        (DICT, "R", "team/r:1"),
        (DICT, "team/r:1", 400),
        ("*", "any/thing:9", "any/thing:9"),
        ("*", "registry.example:5000/team/x@sha256:" + "a" * 64, "registry.example:5000/team/x@sha256:" + "a" * 64),
        ("*", "../containers/json", 400),
        ("*", "a;b", 400),
        ("*", "x?fromSrc=http://evil", 400),
        ("*", "team/" + "x" * 600, 400),
    ],
)  # fmt: skip
def test_which_image_a_start_may_have(allowed: Any, asked: Any, image: str | int) -> None:
    settings = docker_settings(
        "c.DockerSpawner.image = 'team/plain:1'", f"c.DockerSpawner.allowed_images = {allowed!r}"
    )
    options = {} if asked is None else {"image": asked}
    if isinstance(image, str):
        assert settings.with_options(options).image == image
        return
    with pytest.raises(SpawnError) as refusal:
        settings.with_options(options)
    assert refusal.value.status == image


@pytest.mark.parametrize(
    ("allowed", "parts"),
    [
        ({}, []),
        (["team/plain:1"], []),
        (DICT, ['<option value="Plain" selected>Plain</option>', '<option value="R">R</option>']),
        ({"<b>": "team/plain:1", "R": "team/r:1"}, ['value="&lt;b&gt;" selected']),
        ("*", ['<input class="form-control" name="image" id="image" value="team/plain:1"']),
    ],
)
def test_the_form_offers_what_there_is_to_choose(allowed: Any, parts: list[str]) -> None:
    settings = DockerSettings(
        image="team/plain:1",
        allowed_images=docker_settings(f"c.DockerSpawner.allowed_images = {allowed!r}").allowed_images,
    )
    assert bool(settings.form) == bool(parts)
    assert all(part in settings.form for part in parts)
    assert DockerSettings(options_form="<own>", allowed_images=settings.allowed_images).form == "<own>"


def test_a_stop_has_the_grace_of_its_container() -> None:
    assert DockerSettings().stop_timeout == 40
    line = "c.DockerSpawner.extra_create_kwargs = {'stop_timeout': 60}"
    assert docker_settings(line).stop_timeout == 90


def test_a_pull_is_waited_for_as_long_as_configured() -> None:
    assert docker_settings("c.DockerSpawner.pull_timeout = 5").waiting_timeout == 5


GIVEN = {
    "shm_size": "1G",
    "devices": ["/dev/fuse", "/dev/a:/dev/b:r"],
    "extra_hosts": {"db": "10.0.0.1"},
    "tmpfs": ["/run:size=1m", "/tmp"],
    "binds": {"/srv": {"bind": "/srv", "mode": "ro"}},
    "ulimits": [{"name": "nofile", "soft": 10, "hard": 10}],
    "log_config": {"type": "none"},
    "device_requests": [{"device_ids": ["0"], "capabilities": [["gpu"]]}],
    "read_only": True,
    "entrypoint": "tini --",
    "labels": ["a"],
    "CapAdd": ["SYS_ADMIN"],
}
MADE = {
    "ShmSize": 2**30,
    "Devices": [
        {"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/fuse", "CgroupPermissions": "rwm"},
        {"PathOnHost": "/dev/a", "PathInContainer": "/dev/b", "CgroupPermissions": "r"},
    ],
    "ExtraHosts": ["db:10.0.0.1"],
    "Tmpfs": {"/run": "size=1m", "/tmp": ""},
    "Binds": ["/srv:/srv:ro"],
    "Ulimits": [{"Name": "nofile", "Soft": 10, "Hard": 10}],
    "LogConfig": {"Type": "none"},
    "DeviceRequests": [{"DeviceIDs": ["0"], "Capabilities": [["gpu"]]}],
    "ReadonlyRootfs": True,
    "Entrypoint": ["tini", "--"],
    "Labels": {"a": ""},
    "CapAdd": ["SYS_ADMIN"],
}


def test_names_and_forms_of_dockers_clients_become_the_engines_and_then_stay() -> None:
    """A hook may change what has been brought into form already."""
    assert engine_names(GIVEN, no_complaint) == MADE
    assert engine_names(MADE, no_complaint) == MADE


def no_complaint(part: str, why: str) -> None:
    raise AssertionError(f"{part}: {why}")


def test_what_a_hook_or_a_group_sets_is_brought_into_the_same_form() -> None:
    settings = replace(DockerSettings(), volumes={"home": "/home"}, mem_limit="1G", image="team/r")  # type: ignore[arg-type]
    made = checked(settings)
    assert isinstance(made, DockerSettings)
    assert made.volumes == {"home": {"bind": "/home", "mode": "rw"}}
    assert made.mem_limit == 2**30
    assert checked(made) == made
    with pytest.raises(SpawnError, match="not the name of an image"):
        checked(replace(made, image="../x"))


def test_a_reload_changes_what_is_looked_up_for_each_start_and_names_the_rest() -> None:
    lines = ("c.DockerSpawner.image = 'team/r:1'", "c.DockerSpawner.volumes = {'home': '/home'}")
    given = docker_settings(
        *lines, "c.DockerSpawner.docker_host = 'tcp://10.0.0.5'", "c.DockerSpawner.remove = False"
    )
    settings, waiting = merged(Settings(spawner=DockerSettings()), Settings(spawner=given))
    assert settings.spawner == docker_settings(*lines)
    assert waiting == ["c.DockerSpawner.remove", "c.DockerSpawner.docker_host"]
    assert DockerSettings.changeable <= set(DockerSettings.__struct_fields__)
