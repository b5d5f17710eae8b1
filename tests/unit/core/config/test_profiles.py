"""Spawner profiles in a configuration: what they become, and what is refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.config.notes import Note
from core.errors import SpawnError
from core.plugins.profiles import every_spawner, settings_of, with_options
from core.settings import ConfigError, Settings
from spawners.configuration import as_text, load_settings
from spawners.local.settings import LocalProcessSettings
from spawners.simulated import SimulatedSettings
from web.lifecycle.reload import differences, merged

TWO = """
c.Spawner.default_url = "/lab"
c.SimulatedSpawner.gate_url = "http://127.0.0.1:9/gate"
c.Callboard.spawner_profiles = {
    "small": {"spawner": "simple", "title": "Small"},
    "gpu": {
        "spawner": "simulated",
        "settings": {"start_timeout": 600, "environment": {"GPU": "1"}},
        "groups": ["gpu-users"],
    },
}
"""

Load = Callable[[str], tuple[Settings, list[Note]]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load(lines: str) -> tuple[Settings, list[Note]]:
        file = tmp_path / "hub.py"
        file.write_text(f"c = get_config()\n{lines}")
        return load_settings([file], [])

    return load


def test_each_has_its_spawner_with_its_own_settings_on_top_of_those_of_its_sections(load: Load) -> None:
    settings, notes = load(TWO)
    assert notes == []
    small, gpu = settings.callboard.spawner_profiles.values()
    assert (small.name, small.title, small.spawner, small.is_for_all) == ("small", "Small", "simple", True)
    assert isinstance(small.settings, LocalProcessSettings)
    assert (gpu.title, gpu.spawner, gpu.groups, gpu.is_for_all) == ("gpu", "simulated", ["gpu-users"], False)
    assert isinstance(gpu.settings, SimulatedSettings)
    assert gpu.settings.gate_url == "http://127.0.0.1:9/gate"
    assert (gpu.settings.start_timeout, gpu.settings.environment) == (600, {"GPU": "1"})
    assert small.settings.default_url == gpu.settings.default_url == "/lab"
    assert isinstance(gpu.engine_settings, SimulatedSettings)
    assert gpu.engine_settings.start_timeout == 60, "what is of the profile is of its starts alone"


def test_the_first_is_the_hubs_spawner_where_none_is_named(load: Load) -> None:
    settings, _ = load(TWO)
    assert settings.hub.spawner_class == "simple"
    assert isinstance(settings.spawner, LocalProcessSettings)
    settings, _ = load(f"{TWO}\nc.JupyterHub.spawner_class = 'simulated'")
    assert settings.hub.spawner_class == "simulated"
    assert len(list(every_spawner(settings))) == 3


def test_one_without_a_spawner_has_the_hubs(load: Load) -> None:
    lines = "c.JupyterHub.spawner_class = 'simulated'; c.Callboard.spawner_profiles = {'a': {}}"
    settings, _ = load(lines)
    assert settings.callboard.spawner_profiles["a"].spawner == "simulated"


def test_settings_follow_from_the_options(load: Load) -> None:
    settings, _ = load(TWO)
    assert settings_of(settings, {"profile": "gpu"}).start_timeout == 600
    assert settings_of(settings, {}).start_timeout == 60
    assert settings_of(settings, {"profile": ["gpu"]}).start_timeout == 60
    assert with_options(settings, {"profile": "gpu", "x": 1}).start_timeout == 600
    with pytest.raises(SpawnError, match="There is no spawner profile 'old' any more"):
        with_options(settings, {"profile": "old"})
    plain, _ = load("")
    assert with_options(plain, {"profile": "anything"}) == plain.spawner, "it is an option like any other"


@pytest.mark.parametrize(
    ("profiles", "refused"),
    [
        ("[]", "c.Callboard.spawner_profiles = []: expected a dict of profiles, each with a name"),
        (
            "{'a': {'spawner': 'dockr'}}",
            "c.Callboard.spawner_profiles['a']: c.JupyterHub.spawner_class = 'dockr': the ones there are: ",
        ),
        (
            "{'a': {'spwner': 'simple'}}",
            "c.Callboard.spawner_profiles['a']: unknown field 'spwner'; the fields are spawner, title, description, "
            "settings, users, groups, roles, scopes",
        ),
        ("{'a': 'simple'}", "c.Callboard.spawner_profiles['a'] = 'simple': expected a dict, got str"),
        ("{'a b': {}}", "the name of a profile is made of letters, digits, and . _ -"),
        ("{7: {}}", "the name of a profile is made of letters, digits, and . _ -"),
        (
            "{'a': {'spawner': 'simulated', 'settings': {'gate': 'x'}}}",
            "c.Callboard.spawner_profiles['a'].settings: SimulatedSpawner has no option 'gate'; did you mean gate_url?",
        ),
        (
            "{'a': {'settings': {'start_timeout': 'long'}}}",
            "c.Callboard.spawner_profiles['a'].settings: c.LocalProcessSpawner.start_timeout = 'long': expected number",
        ),
        (
            "{'a': {'users': 'alice'}}",
            "c.Callboard.spawner_profiles['a'].users = 'alice': expected list or None, got str",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(load: Load, profiles: str, refused: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(f"c.Callboard.spawner_profiles = {profiles}")
    assert refused in str(raised.value)
    assert "\n" not in str(raised.value)


def test_toml_says_the_same(tmp_path: Path) -> None:
    file = tmp_path / "hub.toml"
    file.write_text(
        """
        [Callboard.spawner_profiles.small]
        spawner = "simple"
        [Callboard.spawner_profiles.gpu]
        spawner = "simulated"
        settings = {start_timeout = 600}
        users = ["alice"]
        """
    )
    settings, notes = load_settings([file], [])
    assert notes == []
    assert list(settings.callboard.spawner_profiles) == ["small", "gpu"]
    assert settings.callboard.spawner_profiles["gpu"].settings.start_timeout == 600


def test_they_are_shown_without_secrets(load: Load) -> None:
    settings, _ = load(
        "c.Callboard.spawner_profiles = {'a': {'settings': {'environment': {'API_TOKEN': 'canary'}}}}"
    )
    shown = as_text(settings)
    assert "spawner_profiles" in shown
    assert "canary" not in shown


def test_a_reload_takes_new_ones_unless_their_spawner_has_to_be_begun(load: Load) -> None:
    hooks = "def hook(spawner): pass\nc.Spawner.pre_spawn_hook = hook\n"
    before, _ = load(hooks + TWO)
    assert list(differences(before, load(hooks + TWO)[0])) == [], "functions are made anew"
    more, waiting = merged(before, load(hooks + TWO.replace("600", "700"))[0])
    assert waiting == []
    assert more.callboard.spawner_profiles["gpu"].settings.start_timeout == 700
    other = TWO.replace('"spawner": "simulated"', '"spawner": "callboard-docker"')
    kept, waiting = merged(before, load(hooks + other)[0])
    assert waiting == ["c.Callboard.spawner_profiles"]
    assert kept.callboard.spawner_profiles["gpu"].spawner == "simulated"


def test_traits_of_a_class_of_another_package_do_not_differ_by_profile(load: Load) -> None:
    course = """
from jupyterhub.spawner import SimpleLocalProcessSpawner
class CourseSpawner(SimpleLocalProcessSpawner):
    pass
"""
    lines = (
        course
        + "c.Callboard.spawner_profiles = {'a': {'spawner': CourseSpawner, 'settings': {'start_timeout': 7}}}"
    )
    settings, _ = load(lines)
    (profile,) = settings.callboard.spawner_profiles.values()
    assert (profile.spawner, profile.settings.start_timeout) == ("CourseSpawner", 7)
    with pytest.raises(ConfigError, match="debug of CourseSpawner cannot differ by profile"):
        load(lines.replace("'start_timeout': 7", "'debug': True"))
