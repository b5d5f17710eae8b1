"""Logins of registries, as `docker login` keeps them."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from spawners.docker.credentials import credentials_for, registry_of
from spawners.docker.engine.place import logins_of


def encoded(login: str) -> str:
    return base64.b64encode(login.encode()).decode()


LOGINS = {
    "registry.example:5000": {"auth": encoded("hub:a:b")},
    "https://quay.example/v2/": {"auth": encoded("robot:x")},
    "https://index.docker.io/v1/": {"auth": encoded("me:y")},
    "helped.example": {},
    "broken.example": {"auth": "%%%"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps({"auths": LOGINS, "credsStore": "pass"}))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "registry"),
    [
        ("r", "https://index.docker.io/v1/"),
        ("team/r", "https://index.docker.io/v1/"),
        ("localhost/r", "localhost"),
        ("registry.example/team/r", "registry.example"),
        ("registry:5000/r", "registry:5000"),
    ],
)
def test_the_registry_of_an_image(name: str, registry: str) -> None:
    assert registry_of(name) == registry


@pytest.mark.parametrize(
    ("name", "user", "password"),
    [
        ("registry.example:5000/team/r", "hub", "a:b"),
        ("quay.example/team/r", "robot", "x"),
        ("team/r", "me", "y"),
    ],
)
def test_who_the_hub_is_there(folder: Path, name: str, user: str, password: str) -> None:
    told = json.loads(base64.urlsafe_b64decode(credentials_for(name, folder)))
    assert (told["username"], told["password"]) == (user, password)
    assert told["serveraddress"] == registry_of(name)


@pytest.mark.parametrize("name", ["other.example/r", "helped.example/r", "broken.example/r"])
def test_to_others_it_is_nobody(folder: Path, name: str) -> None:
    assert credentials_for(name, folder) == ""


@pytest.mark.parametrize("content", [None, "", "[]", "{", '{"auths": 3}', '{"auths": {"r.example": 3}}'])
def test_a_file_that_says_nothing_is_no_trouble(
    tmp_path: Path, content: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    assert credentials_for("r.example/r", tmp_path) == ""
    assert bool(caplog.records) == (content is not None)


@pytest.mark.parametrize(
    ("environment", "found"),
    [({"HOME": "/home/hub"}, "/home/hub/.docker"), ({"HOME": "/x", "DOCKER_CONFIG": "/etc/d"}, "/etc/d")],
)
def test_where_they_are(environment: dict[str, str], found: str) -> None:
    assert logins_of(environment) == Path(found)
