"""Which class a configuration means, and what it sets of a class of JupyterHub's kind."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from jupyterhub.spawner import LocalProcessSpawner, SimpleLocalProcessSpawner

from core.config.plugins import classes
from core.config.plugins.classes import AUTHENTICATORS, SPAWNERS, Family, find_class, full_name
from core.config.plugins.packages import BY_MODULE, BY_NAME, where_from
from core.settings import ConfigError, PluginAuthenticatorSettings, PluginSpawnerSettings, Settings
from spawners.configuration import differing, load_settings
from web.lifecycle.reload import differences, merged

OWN = {"simple": "SimpleLocalProcessSpawner"}
COURSE = """
from jupyterhub.spawner import SimpleLocalProcessSpawner
from traitlets import Dict, Unicode, validate
class CourseSpawner(SimpleLocalProcessSpawner):
    course = Unicode("algebra", help="Which course.").tag(config=True)
    api_password = Unicode().tag(config=True)
    places = Dict().tag(config=True)
    start_timeout = 120
    @validate("course")
    def _check(self, proposal):
        if proposal.value == "none":
            from traitlets import TraitError
            raise TraitError("there is no such course")
        return proposal.value
    def __init__(self, **kwargs):
        raise AssertionError("to read a configuration nothing needs to be begun")
c.JupyterHub.spawner_class = CourseSpawner
"""


class Known(SimpleLocalProcessSpawner):
    """As a package has it."""


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., tuple[Settings, list[str]]]:
    def loaded(lines: str, *overrides: str) -> tuple[Settings, list[str]]:
        file = tmp_path / "hub.py"
        file.write_text(lines)
        settings, notes = load_settings([file], list(overrides))
        return settings, [str(note).removeprefix(f"{tmp_path}/") for note in notes]

    return loaded


# --- which class ---


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("simple", "simple"),
        ("Simple", "simple"),
        ("jupyterhub.spawner.SimpleLocalProcessSpawner", "simple"),
        (SimpleLocalProcessSpawner, "simple"),
        ("jupyterhub.spawner.LocalProcessSpawner", LocalProcessSpawner),
        ("known", Known),
        ("KNOWN", Known),
        (f"{__name__}.Known", Known),
        (Known, Known),
    ],
)
def test_a_class_is_ours_by_its_names_and_else_the_one_that_is_named(
    monkeypatch: pytest.MonkeyPatch, value: object, found: object
) -> None:
    registered = [EntryPoint("known", f"{__name__}:Known", SPAWNERS.group)]
    monkeypatch.setattr(classes, "entry_points", lambda group: registered)
    assert find_class(value, SPAWNERS, OWN) == found


@pytest.mark.parametrize(
    ("value", "family", "words"),
    [
        ("docker", SPAWNERS, "it is not installed: pip install dockerspawner"),
        ("dockerspawner.DockerSpawner", SPAWNERS, "there is no module dockerspawner: pip install dockerspawner"),
        ("kubespawner.KubeSpawner", SPAWNERS, "there is no module kubespawner: pip install jupyterhub-kubespawner"),
        ("native", AUTHENTICATORS, "it is not installed: pip install jupyterhub-nativeauthenticator"),
        ("github", AUTHENTICATORS, "it is not installed: pip install oauthenticator"),
        ("of_nobody.Spawner", SPAWNERS, "there is no module of_nobody"),
        ("jupyterhub.spawner.NoSuch", SPAWNERS, "jupyterhub.spawner has no NoSuch"),
        ("os.path.join", SPAWNERS, "it is not derived from jupyterhub.spawner.Spawner; the ones there are: simple"),
        (Path, SPAWNERS, "it is not derived from jupyterhub.spawner.Spawner; the ones there are: simple"),
        (Known, AUTHENTICATORS, "it is not derived from jupyterhub.auth.Authenticator"),
        ("symple", SPAWNERS, "the ones there are: simple"),
    ],
)  # fmt: skip
def test_a_class_that_cannot_be_used_is_refused_in_one_line(
    value: object, family: Family, words: str
) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]*$") as refusal:
        find_class(value, family, OWN)
    assert words in str(refusal.value)


def test_a_class_whose_module_fails_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "broken_spawner_module.py").write_text("raise RuntimeError('no engine')")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ValueError, match="it cannot be loaded: RuntimeError: no engine"):
        find_class("broken_spawner_module.Spawner", SPAWNERS, OWN)


def test_without_the_extra_both_ways_say_what_to_install(
    monkeypatch: pytest.MonkeyPatch, load: Callable[..., object]
) -> None:
    for module in [name for name in sys.modules if name.partition(".")[0] == "jupyterhub"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "jupyterhub", None)  # type: ignore[arg-type]  # Python then finds none
    for line in (
        "from jupyterhub.spawner import Spawner",
        "c.JupyterHub.spawner_class = 'jupyterhub.spawner.Spawner'",
    ):
        with pytest.raises(ConfigError, match=r"pip install callboard\[plugins\]"):
            load(line)
    load("c.DockerSpawner.image = 'x'; c.Spawner.cmd = 'y'")  # traits alone need no class


def test_the_tables_of_packages_are_told_by_module_and_by_name() -> None:
    assert where_from("dockerspawner.swarm") == "pip install dockerspawner"
    assert where_from("of_nobody") == ""
    assert BY_NAME["docker"] in BY_MODULE.values()
    assert set(BY_NAME.values()) <= set(BY_MODULE.values())


def test_a_class_of_a_file_has_no_module_to_be_named_with(
    load: Callable[..., tuple[Settings, object]],
) -> None:
    assert load(COURSE)[0].hub.spawner_class == "CourseSpawner"
    assert full_name(Known) == f"{__name__}.Known"


# --- its traits ---


def test_what_is_set_of_a_class_goes_to_the_class(load: Callable[..., tuple[Settings, list[str]]]) -> None:
    settings, notes = load(
        f"{COURSE}\nc.CourseSpawner.course = 'logic'; c.Spawner.places.update({{'a': 1}}); c.Spawner.http_timeout = 77",
        "--CourseSpawner.poll_interval=5",
    )
    assert notes == []
    spawner = settings.spawner
    assert isinstance(spawner, PluginSpawnerSettings)
    assert (spawner.start_timeout, spawner.http_timeout, spawner.poll_interval) == (120, 77, 5)
    assert spawner.plugin.kind.__name__ == "CourseSpawner"
    assert spawner.plugin.config.CourseSpawner.course == "logic"
    assert spawner.plugin.traits["CourseSpawner.course"] == "logic"
    assert spawner.pre_spawn_hook is None


def test_hooks_are_the_classs_own(load: Callable[..., tuple[Settings, list[str]]]) -> None:
    settings, _ = load(f"{COURSE}\nc.Spawner.pre_spawn_hook = lambda spawner: None")
    assert settings.spawner.pre_spawn_hook is None
    assert isinstance(settings.spawner, PluginSpawnerSettings)
    assert callable(settings.spawner.plugin.config.Spawner.pre_spawn_hook)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("c.CourseSpawner.course = 5", "hub.py:18: c.CourseSpawner.course = 5: The 'course' trait of a CourseSpawner"),
        ("c.Spawner.course = 5", "hub.py:18: c.Spawner.course = 5: The 'course' trait"),
        ("c.CourseSpawner.course = 'none'", "c.CourseSpawner.course = 'none': there is no such course"),
        ("c.Spawner.mem_limit = '5x'", "c.Spawner.mem_limit = '5x': it is not a valid memory specification"),
        ("c.SimpleLocalProcessSpawner.home_dir_template = []", "c.SimpleLocalProcessSpawner.home_dir_template = []: "),
        ("c.Spawner.start_timeout = 'soon'", "c.Spawner.start_timeout = 'soon': "),
    ],
)  # fmt: skip
def test_a_value_that_the_class_does_not_take_is_refused_by_file_line_and_name(
    load: Callable[..., object], line: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=r"^[^\n]*$") as refusal:
        load(COURSE + line)
    assert words in str(refusal.value)


def test_a_refusal_does_not_repeat_a_secret(load: Callable[..., object]) -> None:
    for line in ("c.CourseSpawner.api_password = ['geheim']", "c.Spawner.environment = ['geheim']"):
        with pytest.raises(ConfigError) as refusal:
            load(COURSE + line)
        assert "geheim" not in str(refusal.value)


def test_what_the_class_does_not_have_is_noted(load: Callable[..., tuple[Settings, list[str]]]) -> None:
    _, notes = load(f"{COURSE}\nc.CourseSpawner.cours = 'x'; c.CurseSpawner.course = 'x'")
    assert notes == [
        "hub.py: c.CourseSpawner.cours: unknown (did you mean course?)",
        "hub.py: c.CurseSpawner: unknown (did you mean CourseSpawner?)",
    ]


def test_a_class_that_another_starts_servers_with_acts_too(
    load: Callable[..., tuple[Settings, list[str]]],
) -> None:
    lines = (
        f"{COURSE}\nclass Wrapping(SimpleLocalProcessSpawner): pass\nc.JupyterHub.spawner_class = Wrapping\n"
        "c.CourseSpawner.course = 'logic'\n"
    )
    settings, notes = load(lines)
    assert notes == []
    assert differing(settings)["CourseSpawner"] == {"course": "logic"}
    with pytest.raises(ConfigError, match=r"c\.CourseSpawner\.course = 5"):
        load(f"{lines}c.CourseSpawner.course = 5")


def test_what_is_set_of_a_class_is_shown_without_secrets(
    load: Callable[..., tuple[Settings, list[str]]],
) -> None:
    settings, _ = load(f"{COURSE}\nc.CourseSpawner.course = 'logic'; c.CourseSpawner.api_password = 'geheim'")
    shown = differing(settings)
    assert shown["CourseSpawner"] == {"course": "logic", "api_password": "(hidden)"}
    assert shown["JupyterHub"] == {"spawner_class": "CourseSpawner"}
    assert "geheim" not in json.dumps(shown)


def test_a_reload_names_what_waits(load: Callable[..., tuple[Settings, list[str]]]) -> None:
    before, _ = load(f"{COURSE}\nc.CourseSpawner.course = 'logic'\nc.Spawner.http_timeout = 5")
    same, _ = load(f"{COURSE}\nc.CourseSpawner.course = 'logic'\nc.Spawner.http_timeout = 5")
    after, _ = load(f"{COURSE}\nc.CourseSpawner.course = 'music'\nc.Spawner.http_timeout = 6")
    other, _ = load(COURSE.replace("nothing needs to be begun", "no"))
    assert merged(before, same)[1] == []
    assert merged(before, after)[1] == ["c.CourseSpawner.course"]
    assert merged(before, after)[0].spawner.http_timeout == 6
    assert "c.CourseSpawner.course" in list(differences(before, after))
    assert merged(before, other)[1][0] == "the class CourseSpawner"
    commanded, _ = load(
        COURSE.replace("(SimpleLocalProcessSpawner):", "(SimpleLocalProcessSpawner):\n    cmd = ['other']")
    )
    assert merged(before, commanded)[1][0] == "the class CourseSpawner"


def test_ways_to_log_in_are_read_likewise(load: Callable[..., tuple[Settings, list[str]]]) -> None:
    settings, notes = load(
        """
from jupyterhub.auth import Authenticator
from traitlets import Unicode
class Ours(Authenticator):
    greeting = Unicode().tag(config=True)
    async def authenticate(self, handler, data): return data["username"]
c.JupyterHub.authenticator_class = Ours
c.Ours.greeting = 'hello'
c.Authenticator.allowed_users = {'alice'}
"""
    )
    assert notes == []
    login = settings.authenticator
    assert isinstance(login, PluginAuthenticatorSettings)
    assert login.allowed_users == {"alice"}
    assert login.plugin.kind.__name__ == "Ours"
    assert differing(settings)["Ours"] == {"greeting": "hello"}


def test_a_class_may_be_called_as_the_one_it_is_derived_from(
    load: Callable[..., tuple[Settings, list[str]]],
) -> None:
    settings, notes = load(
        """
from jupyterhub.auth import LocalAuthenticator as Original
from traitlets import Unicode
class LocalAuthenticator(Original):
    greeting = Unicode().tag(config=True)
c.JupyterHub.authenticator_class = LocalAuthenticator
c.LocalAuthenticator.greeting = 'hello'
c.LocalAuthenticator.create_system_users = True
"""
    )
    assert notes == []
    assert isinstance(settings.authenticator, PluginAuthenticatorSettings)
    assert settings.authenticator.plugin.traits.keys() == {
        "LocalAuthenticator.greeting",
        "LocalAuthenticator.create_system_users",
    }


# --- hubs without plug-ins ---


def test_whoever_names_no_plug_in_loads_nothing_for_them(tmp_path: Path) -> None:
    file = tmp_path / "hub.py"
    file.write_text("c.JupyterHub.spawner_class = 'simple'; c.JupyterHub.authenticator_class = 'dummy'")
    program = f"""
import sys
from pathlib import Path
import web.process.run
from spawners import make_spawner
from spawners.configuration import load_settings
make_spawner(load_settings([Path({str(file)!r})], [])[0], Path({str(tmp_path)!r}))
loaded = {{name.partition('.')[0] for name in sys.modules}}
print(sorted(loaded & {{'jupyterhub', 'tornado', 'sqlalchemy', 'alembic'}}))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


# --- what comes with a class, and is none of its kind ---

WITH_SETTINGS = """
from traitlets.config import Configurable
class Launcher(Configurable):
    title = Unicode().tag(config=True)
"""


def test_settings_that_come_with_a_class_act(load: Callable[..., tuple[Settings, list[str]]]) -> None:
    settings, notes = load(COURSE + WITH_SETTINGS + 'c.Launcher.title = "maths"')
    assert isinstance(settings.spawner, PluginSpawnerSettings)
    assert settings.spawner.plugin.config["Launcher"]["title"] == "maths"
    assert not [note for note in notes if "Launcher" in note]
    with pytest.raises(ConfigError, match="title"):
        load(COURSE + WITH_SETTINGS + "c.Launcher.title = 7")


def test_without_a_class_of_that_kind_nobody_asks_them(
    load: Callable[..., tuple[Settings, list[str]]],
) -> None:
    _, notes = load(f'from traitlets import Unicode\n{WITH_SETTINGS}c.Launcher.title = "maths"')
    assert [note for note in notes if "Launcher" in note]
