"""What is said about options: every one of them, truly, and in files that work."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.config.reference import PARTS, help_texts, markdown, options
from core.settings import Settings
from spawners.configuration import NAMES, as_text, config_file, differing, load_settings


def test_every_option_has_its_help_and_every_help_its_option() -> None:
    """A new option wants a line in core/config/help.toml, or beside the settings of its spawner."""
    there_are = {f"{section}.{name}" for section in NAMES.structs for name in NAMES.own_settings(section)}
    there_are |= {f"{section}.{name}" for section, name in PARTS}
    texts = {
        f"{section}.{name}": text
        for section, groups in help_texts(NAMES).items()
        for names in groups.values()
        for name, text in names.items()
    }
    assert texts.keys() == there_are
    assert all(text.strip().endswith((".", ".)")) for text in texts.values())


def test_the_generated_file_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "hub.py"
    file.write_text(config_file())
    assert load_settings([file], [])[0] == load_settings([], [])[0]


def test_each_line_of_the_generated_file_may_be_taken_over(tmp_path: Path) -> None:
    """With its # taken away an option has its default, and the hub has nothing to say about it."""
    file = tmp_path / "hub.py"
    names = tuple(f"# {option.full_name} = " for option in options(NAMES))
    lines = [line[2:] for line in config_file().splitlines() if line.startswith(names)]
    assert len(lines) == len(names)
    kept = [line for line in lines if not line.startswith(("c.JupyterHub.ip", "c.JupyterHub.port"))]
    file.write_text("\n".join(kept))
    settings, notes = load_settings([file], [])
    assert [str(note) for note in notes] == []
    usual = load_settings([], [])[0]
    for part in Settings.__struct_fields__:
        assert getattr(settings, part) == getattr(usual, part), part


def test_the_page_of_options_is_as_it_is_made() -> None:
    page = Path(__file__).parents[4] / "docs" / "options.md"
    assert page.read_text() == markdown(NAMES)


def test_the_configuration_in_force_is_shown_without_secrets(tmp_path: Path) -> None:
    file = tmp_path / "hub.py"
    file.write_text(
        """
c.JupyterHub.port = 9000
c.JupyterHub.api_tokens = {'geheim-geheim': 'alice'}
c.Spawner.environment = {'PASSWORD': 'geheim', 'A': 'b'}
def hook(spawner): pass
c.Spawner.pre_spawn_hook = hook
"""
    )
    settings, _ = load_settings([file], [])
    assert differing(settings) == {
        "JupyterHub": {"bind_url": "http://:9000/", "api_tokens": {"(hidden) 1": "alice"}},
        "Spawner": {"environment": {"PASSWORD": "(hidden)", "A": "b"}, "pre_spawn_hook": "function hook"},
    }
    text = as_text(settings)
    assert "c.JupyterHub.bind_url = 'http://:9000/'" in text.splitlines()
    assert "geheim" not in text


@pytest.mark.parametrize("option", options(NAMES), ids=lambda option: option.full_name)
def test_help_is_short(option: object) -> None:
    assert 10 < len(option.help) < 260  # type: ignore[attr-defined]
