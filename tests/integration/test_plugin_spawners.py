"""JupyterHub's own SimpleLocalProcessSpawner, subclassed as configurations do it, in real hubs that are killed."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.conftest import MakeHub
from tests.integration.hub import ADMIN_TOKEN, RealHub, wait_for

pytestmark = pytest.mark.slow

CLASS = """
import asyncio, os, time
from jupyterhub.spawner import SimpleLocalProcessSpawner
from traitlets import Unicode
class Mine(SimpleLocalProcessSpawner):
{body}
c.JupyterHub.spawner_class = Mine
"""

OVERRIDDEN_START = """
    async def start(self):
        self.greeting = (await self.user.get_auth_state() or {}).get("greeting", "nothing is kept")
        self.seen = [group.name for group in self.user.groups]
        return await super().start()
    def get_state(self):
        return {**super().get_state(), "seen": getattr(self, "seen", None)}
    def get_env(self):
        return {**super().get_env(), "SEEN": ",".join(self.seen), "GREETING": self.greeting}
"""
FORM = """
    def _options_form_default(self):
        return f'<label>Course of {self.user.name}</label><input name="course" value="{self.welcome}">'
    def options_from_form(self, data):
        if data["course"] == ["none"]:
            raise ValueError("There is no such course.")
        return {"course": data["course"][0]}
    def options_from_query(self, data):
        return {"course": data["course"][0] + " by query"}
    def auth_state_hook(self, auth_state):
        self.welcome = "algebra"
    async def run_auth_state_hook(self, auth_state):
        self.welcome = "algebra"
    def get_env(self):
        return {**super().get_env(), "COURSE": self.user_options["course"]}
"""
ENVIRONMENT = """
    course = Unicode("music").tag(config=True)
    def user_env(self, env):
        return {**super().user_env(env), "OF": self.user.name}
    def get_env(self):
        return {**super().get_env(), "COURSE": self.course}
    def template_namespace(self):
        return {**super().template_namespace(), "course": self.course}
c.Mine.course = "logic"
c.Spawner.environment.update({"TOLD": lambda spawner: f"{spawner.user.name} of {spawner.hub.base_url}"})
c.Spawner.notebook_dir = "/srv/{course}/{username}"
c.Spawner.mem_limit = "1G"
"""
ARGUMENTS = """
    def get_args(self):
        return [*super().get_args(), f"--course-of={self.user.name}"]
    def make_preexec_fn(self, name):
        before = super().make_preexec_fn(name)
        def nice():
            before()
            os.nice(3)
        return nice
c.Spawner.args = ["--first"]
"""
HOOKS = """
    async def progress(self):
        for number in range(3):
            yield {"progress": 30 + number, "message": f"step {number}"}
            await asyncio.sleep(0.01)
def auth_state_hook(spawner, auth_state):
    spawner.began = "auth"
def apply(spawner, options):
    spawner.began += ",options"
async def pre_spawn_hook(spawner):
    await asyncio.sleep(0.01)
    spawner.environment["BEGAN"] = f"{spawner.began},hook for {spawner.user.name}"
    spawner.kept = 7
def post_stop_hook(spawner):
    with open("stopped.txt", "a") as file:
        file.write(f"{spawner.user.name} {getattr(spawner, 'kept', 'a new hub')}\\n")
def progress_ready_hook(spawner, event):
    event["message"] = f"Welcome, {spawner.user.name}"
    return event
c.Spawner.auth_state_hook = auth_state_hook
c.Spawner.apply_user_options = apply
c.Spawner.pre_spawn_hook = pre_spawn_hook
c.Spawner.post_stop_hook = post_stop_hook
c.Spawner.progress_ready_hook = progress_ready_hook
"""
BLOCKING = """
    async def start(self):
        if self.user.name == "bob":
            time.sleep(12)
        return await super().start()
"""


def config(body: str) -> str:
    inside = "\n".join(line for line in body.splitlines() if not line or line.startswith("    "))
    after = "\n".join(line for line in body.splitlines() if line and not line.startswith("    "))
    return (
        _with_hooks(body)
        if "def auth_state_hook(spawner" in body
        else f"{CLASS.format(body=inside)}\n{after}\n"
    )


def _with_hooks(body: str) -> str:
    method, _, rest = body.partition("\ndef ")
    return f"{CLASS.format(body=method)}\ndef {rest}"


def serving(make_hub: MakeHub, body: str) -> RealHub:
    hub = make_hub(config=config(body))
    hub.start()
    hub.add_user("alice")
    return hub


def itself(hub: RealHub, user: str = "alice") -> dict[str, Any]:
    """What the server knows of itself: its environment, its arguments, ..."""
    found: dict[str, Any] = hub.page(user, rest="self").json()
    return found


def survives_a_killed_hub(hub: RealHub, before: dict[str, Any]) -> None:
    """The next hub adopts the very same server, and ends it."""
    hub.restart()
    assert hub.wait_ready("alice")["ready"]
    assert itself(hub) == before
    (process,) = hub.server_processes("/user/alice/")
    assert hub.end("alice").status_code == 204
    assert hub.server_processes("/user/alice/") == []
    assert process.spawn_id
    hub.check_log()


def test_one_that_overrides_start(make_hub: MakeHub) -> None:
    hub = serving(make_hub, OVERRIDDEN_START)
    assert hub.api("POST", "/groups/staff").status_code == 201
    assert hub.api("POST", "/groups/staff/users", json={"users": ["alice"]}).status_code == 200
    assert hub.begin("alice").status_code == 201
    model = hub.wait_ready("alice")
    assert model["state"]["seen"] == ["staff"]
    before = itself(hub)
    assert (before["environment"]["SEEN"], before["environment"]["GREETING"]) == ("staff", "nothing is kept")
    survives_a_killed_hub(hub, before)


def test_one_with_a_form(make_hub: MakeHub) -> None:
    hub = serving(make_hub, FORM)
    with requests.Session() as browser:
        page = browser.get(f"{hub.url}/hub/login", timeout=10)
        xsrf = page.text.partition('name="_xsrf" value="')[2].partition('"')[0]
        fields = {"username": "alice", "password": "", "_xsrf": xsrf}
        browser.post(f"{hub.url}/hub/login", data=fields, timeout=10)
        form = browser.get(f"{hub.url}/hub/spawn/alice", timeout=10)
        assert 'Course of alice</label><input name="course" value="algebra">' in form.text
        target = form.text.partition('<form enctype="multipart/form-data"')[2] or form.text
        action = target.partition('action="')[2].partition('"')[0].replace("&amp;", "&")
        refused = browser.post(f"{hub.url}{action}", data={"course": "none"}, timeout=10)
        assert refused.status_code == 200
        assert "There is no such course." in refused.text
        assert browser.post(f"{hub.url}{action}", data={"course": "logic"}, timeout=20).status_code == 200
    hub.wait_ready("alice")
    before = itself(hub)
    assert before["environment"]["COURSE"] == "logic"
    survives_a_killed_hub(hub, before)


def test_one_that_adds_to_the_environment(make_hub: MakeHub) -> None:
    hub = serving(make_hub, ENVIRONMENT)
    assert hub.begin("alice").status_code == 201
    before = itself(hub)
    environment = before["environment"]
    assert (environment["OF"], environment["COURSE"]) == ("alice", "logic")
    assert environment["TOLD"] == "alice of /hub/"
    assert environment["JUPYTERHUB_ROOT_DIR"] == "/srv/logic/alice"
    assert environment["MEM_LIMIT"] == str(2**30)
    assert environment["JUPYTERHUB_SERVICE_PREFIX"] == "/user/alice/"
    assert environment["JUPYTERHUB_API_URL"] == f"{hub.hub_url}/hub/api"
    assert environment["JUPYTERHUB_USER"] == "alice"
    answer = hub.api("GET", "/user", token=environment["JUPYTERHUB_API_TOKEN"])
    assert answer.json()["name"] == "alice"
    assert "access:servers!server=alice/" in answer.json()["scopes"]
    survives_a_killed_hub(hub, before)


def test_one_with_arguments_and_a_process_of_its_own_making(make_hub: MakeHub) -> None:
    hub = serving(make_hub, ARGUMENTS)
    assert hub.begin("alice").status_code == 201
    before = itself(hub)
    assert before["arguments"][-2:] == ["--first", "--course-of=alice"]
    (process,) = hub.server_processes("/user/alice/")
    with open(f"/proc/{process.pid}/stat") as file:
        nice = int(file.read().rpartition(")")[2].split()[16])
    assert nice >= 3
    survives_a_killed_hub(hub, before)


def test_one_with_hooks(make_hub: MakeHub) -> None:
    hub = serving(make_hub, HOOKS)
    assert hub.begin("alice", json={"user_options": {"a": 1}}).status_code == 201
    before = itself(hub)
    assert before["environment"]["BEGAN"] == "auth,options,hook for alice"
    with hub.stream("/hub/api/users/alice/server/progress") as lines:
        events = list(lines.events())
    assert events[-1]["message"] == "Welcome, alice"
    told = [
        event.payload["message"] for event in hub.events("alice") if event.type == "server.spawn-progressed"
    ]
    assert "step 0" in told
    assert hub.end("alice").status_code == 204
    stopped = hub.directory / "stopped.txt"
    wait_for(stopped.exists)
    assert stopped.read_text() == "alice 7\n"
    assert hub.begin("alice").status_code == 201
    survives_a_killed_hub(hub, itself(hub))
    wait_for(lambda: stopped.read_text().count("\n") == 2)
    assert stopped.read_text().splitlines()[1] == "alice a new hub"


def test_while_a_start_blocks_its_loop_everybody_else_is_served(make_hub: MakeHub) -> None:
    hub = serving(make_hub, BLOCKING)
    hub.add_user("bob")
    assert hub.begin("alice").status_code == 201  # so that all is imported and begun
    assert hub.end("alice").status_code == 204
    assert hub.begin("bob", headers={"X-Wait": "0"}).status_code in (201, 202)
    slowest = 0.0
    for _ in range(5):
        began = time.monotonic()
        assert hub.request("GET", "/hub/login", token=None).status_code == 200
        assert hub.api("GET", "/users").status_code == 200
        slowest = max(slowest, time.monotonic() - began)
    assert hub.begin("alice").status_code == 201  # in a thread of its own, once bob's is known to block
    assert hub.server("bob")["pending"] == "spawn"
    assert slowest < 2
    assert "has blocked for 5 seconds, in start of bob/" in hub.log()
    assert "time.sleep(12)" in hub.log()
    assert hub.wait_ready("bob", timeout=30)["ready"]
    for user in ("alice", "bob"):
        assert hub.end(user).status_code == 204


def test_what_was_made_and_not_recorded_is_found_and_ended(make_hub: MakeHub) -> None:
    """The hub is killed between the process and the record of it: the state names no process."""
    body = """
    async def start(self):
        address = await super().start()
        if not os.path.exists("killed"):
            open("killed", "w").close()
            os.kill(os.getpid(), 9)
        return address
"""
    hub = serving(make_hub, body)
    hub.begin_unheard("POST", "/users/alice/server")
    hub.wait_end()
    (lost,) = wait_for(lambda: hub.server_processes("/user/alice/"))
    hub.start()
    hub.wait_ready("alice")
    (process,) = hub.server_processes("/user/alice/")
    assert process.pid != lost.pid
    assert process.spawn_id == lost.spawn_id
    assert hub.end("alice").status_code == 204
    assert hub.server_processes() == []


def test_the_one_of_the_documentation(make_hub: MakeHub) -> None:
    """With the real server that it names."""
    text = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
    (lines,) = re.findall(r"```python\n((?:(?!```).)*?class CourseSpawner.*?)```", text, re.DOTALL)
    hub = make_hub(config=f"{lines}\nc.Spawner.http_timeout = 60; c.Spawner.args = ['--allow-root']")
    hub.start()
    hub.add_user("alice")
    hub.begin("alice", json={"user_options": {"course": "algebra"}})
    hub.wait_ready("alice", timeout=60)
    assert {process.environment["COURSE"] for process in hub.server_processes("/user/alice/")} == {"algebra"}
    assert hub.page("alice").json()["version"]
    assert hub.end("alice").status_code in (202, 204)
    hub.wait_stopped("alice")


def test_one_that_starts_again_what_it_made_before(make_hub: MakeHub) -> None:
    """As containers that are kept: their environment is that of the first start, with its token."""
    body = """
    def get_env(self):
        import json
        if not os.path.exists("made.json"):
            with open("made.json", "w") as file:
                json.dump(super().get_env(), file)
        with open("made.json") as file:
            made = json.load(file)
        return {**made, "JUPYTERHUB_SERVICE_URL": super().get_env()["JUPYTERHUB_SERVICE_URL"]}
"""
    hub = serving(make_hub, body)
    tokens = []
    for _ in range(2):
        assert hub.begin("alice").status_code == 201
        tokens.append(itself(hub)["environment"]["JUPYTERHUB_API_TOKEN"])
        assert hub.api("GET", "/user", token=tokens[-1]).json()["name"] == "alice"
        assert hub.end("alice").status_code == 204
        assert hub.api("GET", "/user", token=tokens[-1]).status_code == 403
    assert tokens[0] == tokens[1]
    hub.check_log()


def test_no_secret_of_a_plug_in_is_in_log_or_events(make_hub: MakeHub) -> None:
    body = """
    def get_state(self):
        return {**super().get_state(), "password": "canary-of-the-state"}
    async def start(self):
        self.log.warning("environment: %s", self.get_env())
        return await super().start()
"""
    hub = serving(make_hub, body)
    assert hub.begin("alice").status_code == 201
    token = itself(hub)["environment"]["JUPYTERHUB_API_TOKEN"]
    assert hub.server("alice")["state"]["password"] == "(hidden)"
    assert hub.end("alice").status_code == 204
    assert hub.terminate() == 0
    kept = hub.database.read_bytes() + json.dumps(hub.events(), default=str).encode()
    for secret in ("canary-of-the-state", token, ADMIN_TOKEN):
        assert secret.encode() not in kept
        assert secret not in hub.log()


def test_a_hub_ends_although_a_plug_in_does_not(make_hub: MakeHub) -> None:
    body = """
    async def start(self):
        await asyncio.get_running_loop().run_in_executor(None, time.sleep, 60)
"""
    hub = serving(make_hub, body)
    assert hub.begin("alice", headers={"Prefer": "respond-async"}).status_code == 202
    began = time.monotonic()
    assert hub.terminate(timeout=40) == 0
    assert time.monotonic() - began < 40
    assert "threads of plug-ins do not end, and are left behind: plugin-executor" in hub.log()
