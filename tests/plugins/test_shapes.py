"""Configurations as they are written for JupyterHub with plug-ins from PyPI: each starts and serves its login page.

Each line of them acts, as `callboard check` says, and each trait is what the real class has made of it.
"""

from __future__ import annotations

import json
import subprocess
from typing import NamedTuple

import pytest
import requests

from tests.integration.conftest import MakeHub
from tests.plugins.environments import ROOT, environment

pytestmark = [pytest.mark.slow, pytest.mark.world]

SHAPES = ROOT / "tests/configs/plugins"


class Shape(NamedTuple):
    """`shows`: what stands in the login page. `leads_to`: how the URL begins where somebody is sent from `path`.

    `with_query`: what stands in that URL besides.
    """

    environment: str
    shows: tuple[str, ...] = ()
    path: str = ""
    leads_to: str = ""
    with_query: tuple[str, ...] = ()


def oauth(service: str, leads_to: str, *with_query: str) -> Shape:
    shows = (service,) if service else ()
    return Shape(
        "authenticators", shows, "/hub/oauth_login", leads_to, ("client_id=", "hub.example.org", *with_query)
    )


SERVERS = Shape("spawners", ("username_input",))
SHAPES_OF = {
    "github": oauth("GitHub", "https://github.com/login/oauth/authorize", "read%3Aorg"),
    "google": oauth("Example College", "https://accounts.google.com/o/oauth2/v2/auth"),
    "azuread": oauth("", "https://login.microsoftonline.com/tenant-of-the-campus/oauth2/authorize"),
    "gitlab": oauth("GitLab", "https://git.example.org/oauth/authorize", "read_api"),
    "cilogon": oauth("CILogon", "https://cilogon.org/authorize", "login.example.org"),
    "globus": oauth("Globus", "https://auth.globus.org/v2/oauth2/authorize"),
    "auth0": oauth("", "https://campus.example.org/authorize", "openid"),
    "generic_subclass": oauth("the site", "https://login.example.org/authorize"),
    "native": Shape("authenticators", ("signup",)),
    "firstuse": Shape("authenticators", ("username_input",)),
    "ldap": Shape("authenticators", ("username_input",)),
    "lti": Shape("authenticators", ()),
    "multi": Shape("authenticators", ("the forge", "the mail")),
    "tmp": Shape("authenticators", (), "/hub/login", "/hub/tmplogin"),
    **dict.fromkeys(
        ("docker", "docker_subclass", "swarm", "kube", "slurm", "profiles", "sudo", "systemd"), SERVERS
    ),
}


BECOMES = {
    "LDAPAuthenticator.tls_strategy": "TlsStrategy.on_connect",
    "SystemdSpawner.mem_limit": str(4 * 2**30),
    "DockerSpawner.mem_limit": str(2 * 2**30),
    "Spawner.mem_limit": str(2 * 2**30),
    "ProfilesSpawner.profiles": "dockerspawner.dockerspawner.DockerSpawner",
}
"""What stands in the value that the class has made of a trait, where that is not what was said."""


def test_there_is_no_other_configuration() -> None:
    assert SHAPES_OF.keys() == {file.stem for file in SHAPES.glob("*.py")}


@pytest.mark.parametrize("name", SHAPES_OF)
def test_each_line_acts(name: str) -> None:
    programs = environment(SHAPES_OF[name].environment)
    file = SHAPES / f"{name}.py"
    done = subprocess.run(
        [programs / "callboard", "check", "--json", file], capture_output=True, text=True, check=False
    )
    report = json.loads(done.stdout)
    assert (done.returncode, report["starts"], report["is_whole"]) == (0, True, True), done.stdout
    assert {one["verdict"] for one in report["findings"]} <= {"acts", "adapter"}, done.stdout
    made = subprocess.run(
        [programs / "python", "-m", "tests.plugins.made_of", file],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    for trait, (said, has) in json.loads(made.stdout).items():
        assert BECOMES.get(trait, said) in has, trait


@pytest.mark.parametrize("name", SHAPES_OF)
def test_each_starts_and_serves_its_login_page(make_hub: MakeHub, name: str) -> None:
    shape = SHAPES_OF[name]
    hub = make_hub(programs=environment(shape.environment), config=(SHAPES / f"{name}.py").read_text())
    hub.start()
    page = requests.get(f"{hub.url}/hub/login", allow_redirects=shape.path == "", timeout=30)
    if not shape.leads_to.startswith("/"):
        assert page.status_code in (200, 302), page.text
    if page.status_code == 200:
        for text in shape.shows:
            assert text in page.text, hub.log()[-2000:]
    if shape.path:
        answer = requests.get(hub.url + shape.path, allow_redirects=False, timeout=30)
        location = answer.headers["Location"]
        assert location.startswith(shape.leads_to)
        for text in shape.with_query:
            assert text in location
