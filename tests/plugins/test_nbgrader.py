"""nbgrader, unmodified: its students are members of the hub's groups, and its formgrader is a service of the hub."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import requests

from tests.integration.conftest import MakeHub
from tests.integration.hub import ADMIN_TOKEN, RealHub, free_ports, wait_for
from tests.plugins.environments import environment
from tests.plugins.life import log_in, wait_ready

pytestmark = pytest.mark.world

PLUGIN = "nbgrader.auth.JupyterHubAuthPlugin"
TIMEOUT = 90.0
ROOT = ["--allow-root"] if os.geteuid() == 0 else []

CONFIG = """
c.Spawner.environment["JUPYTER_CONFIG_PATH"] = {settings!r}
c.JupyterHub.load_groups = {{"formgrade-maths": {{"users": ["alice"]}}, "nbgrader-maths": {{}}}}
c.JupyterHub.services = [{service!r}]
c.JupyterHub.load_roles = [
    {{"name": "formgrade-maths", "scopes": ["access:services!service=maths"], "groups": ["formgrade-maths"]}},
    {{"name": "server", "scopes": ["inherit"]}},
    {{"name": "user", "scopes": ["self", "list:services!service=maths", "read:services!service=maths"]}},
]
"""


class Course:
    """The hub of a course in maths: alice grades, bob may become a student."""

    def __init__(self, make_hub: MakeHub, directory: Path) -> None:
        self.programs = environment("clients")
        self.grader = directory / "grader"
        self.grader.mkdir()
        settings = directory / "settings"
        settings.mkdir()
        (settings / "nbgrader_config.py").write_text(f'c.Authenticator.plugin_class = "{PLUGIN}"\n')
        (port,) = free_ports(1)
        service = {
            "name": "maths",
            "url": f"http://127.0.0.1:{port}",
            "command": [str(self.programs / "jupyterhub-singleuser"), *ROOT],
            "cwd": str(self.grader),
            "oauth_no_confirm": True,
        }
        singleuser = [str(self.programs / "jupyterhub-singleuser"), *ROOT]
        self.hub: RealHub = make_hub(
            programs=self.programs,
            cmd=singleuser,
            config=CONFIG.format(service=service, settings=str(settings)),
        )
        self.hub.start()
        for name in ("alice", "bob"):
            self.hub.add_user(name)

    def nbgrader(self, *words: str) -> str:
        """What it says, with its plug-in for the hub and the token of an administrator."""
        settings = (
            "--NbGrader.course_id=maths",
            f"--Authenticator.plugin_class={PLUGIN}",
        )
        hub = {
            "JUPYTERHUB_USER": "admin",
            "JUPYTERHUB_API_TOKEN": ADMIN_TOKEN,
            "JUPYTERHUB_API_URL": f"{self.hub.url}/hub/api",
            "HOME": str(self.grader),
            "PATH": f"{self.programs}:{os.environ['PATH']}",
        }
        done = subprocess.run(
            [str(self.programs / "nbgrader"), *words, *settings],
            cwd=self.grader,
            env={**os.environ, **hub},
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stderr

    def groups_of(self, user: str) -> list[str]:
        found: list[str] = self.hub.request("GET", f"/hub/api/users/{user}").json()["groups"]
        return found


@pytest.fixture
def course(make_hub: MakeHub, tmp_path: Path) -> Course:
    return Course(make_hub, tmp_path)


def test_a_student_who_is_added_or_removed_is_in_the_hubs_group_or_not(course: Course) -> None:
    said = course.nbgrader("db", "student", "add", "bob")
    assert "ERROR" not in said
    assert course.groups_of("bob") == ["nbgrader-maths"]
    course.nbgrader("db", "student", "add", "bob")  # again: nothing happens
    assert course.groups_of("bob") == ["nbgrader-maths"]
    said = course.nbgrader("db", "student", "remove", "bob", "--force")
    assert "ERROR" not in said
    assert course.groups_of("bob") == []


def courses(hub: RealHub, user: str) -> list[dict[str, str]]:
    """Whatever there is to grade, as the extension of a user's own server lists it."""
    assert hub.begin(user).status_code in (201, 202)
    wait_ready(hub, user, timeout=TIMEOUT)
    token = hub.token_of(user, ["access:servers!user"])
    answer = hub.request("GET", f"/user/{user}/formgraders", token=token)
    assert answer.status_code == 200, answer.text
    assert answer.json()["success"], answer.text
    found: list[dict[str, str]] = answer.json()["value"]
    return found


def formgrader(course: Course, user: str) -> requests.Response:
    """What a browser of a user's gets for the formgrader's page, once the service is up."""
    browser = log_in(course.hub, user)
    assert browser is not None

    def up() -> bool:
        return browser.get(f"{course.hub.url}/services/maths/api", timeout=30).status_code != 503

    wait_for(up, TIMEOUT)
    return browser.get(f"{course.hub.url}/services/maths/formgrader", timeout=30)


def test_graders_open_the_formgrader_and_students_do_not(course: Course) -> None:
    page = formgrader(course, "alice")
    assert page.status_code == 200, page.text[:2000]
    assert page.url.startswith(f"{course.hub.url}/services/maths/")
    assert formgrader(course, "bob").status_code == 403
    told = courses(course.hub, "alice")
    url = f"{course.hub.url}/services/maths/lab?formgrader=true"
    assert {"course_id": "maths", "url": url, "kind": "jupyterhub"} in told, told
    assert not [one for one in courses(course.hub, "bob") if one["kind"] == "jupyterhub"]
