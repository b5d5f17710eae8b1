"""Every option with its meaning and its default: what `--generate-config` writes, and docs/options.md shows."""

from __future__ import annotations

import textwrap
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import NODEFAULT, Struct, to_builtins
from msgspec.structs import fields

from core.config.plugins.listed import lines_of
from core.config.trait_names import Names
from core.settings import SpawnerSettings

_HELP = Path(__file__).with_name("help.toml")

PARTS = {("JupyterHub", "ip"): "", ("JupyterHub", "port"): 8000}
"""Options that are folded into another setting, and their defaults: those that are not deprecated."""


class Option(Struct, frozen=True):
    """`group`: the subject it belongs to. `help`: a sentence or two."""

    section: str
    group: str
    name: str
    help: str
    default: Any

    @property
    def full_name(self) -> str:
        return f"c.{self.section}.{self.name}"


def options(names: Names) -> list[Option]:
    """By class and subject. One without help comes last in its class."""
    texts = help_texts(names)
    return [option for section in names.structs for option in _of(names, section, texts.get(section, {}))]


def help_texts(names: Names) -> dict[str, dict[str, dict[str, str]]]:
    """By class, subject and name. Those of spawners are beside their settings."""
    own = {
        section: {group: dict(texts) for group, texts in settings.help.items()}
        for section, settings in names.structs.items()
        if issubclass(settings, SpawnerSettings) and settings.help
    }
    return tomllib.loads(_HELP.read_text(encoding="utf-8")) | own


def config_file(names: Names, kinds: Iterable[type] = ()) -> str:
    """All options as a config file that changes nothing: every line is a comment.

    `kinds`: classes of JupyterHub's kind whose traits are listed besides.
    """
    lines = [
        "# Configuration of a hub. Every option is here with its default; take the # away from those you change.",
        "",
    ]
    lines += ["c = get_config()  # noqa"]
    section = group = ""
    for option in options(names):
        if option.section != section:
            section = option.section
            lines += ["", "", f"# {'-' * 100}", f"# {section}", f"# {'-' * 100}"]
        if option.group != group:
            group = option.group
            lines += ["", f"# --- {group} ---"]
        lines += ["", *textwrap.wrap(option.help, 108, initial_indent="# ", subsequent_indent="# ")]
        lines += [f"# {line}" for line in f"{option.full_name} = {option.default!r}".splitlines()]
    for kind in kinds:
        lines += lines_of(kind)
    return "\n".join([*lines, ""])


def markdown(names: Names) -> str:
    """The same as a page of documentation."""
    lines = [
        "# Options",
        "",
        "<!-- made from core/config/help.toml and the settings: python -m spawners.configuration > docs/options.md -->",
        "",
        "Every option there is, with its default. [Configuring a hub](configuration.md) goes through them by task.",
    ]
    section = group = ""
    for option in options(names):
        if option.section != section:
            section = option.section
            lines += ["", f"## c.{section}"]
        if option.group != group:
            group = option.group
            lines += ["", f"### {group}", "", "| option | default | |", "|---|---|---|"]
        cells = (f"`{option.name}`", f"`{option.default!r}`", option.help)
        lines.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |")
    return "\n".join([*lines, *_idle(names), ""])


def _idle(names: Names) -> Iterator[str]:
    """What JupyterHub and its plug-ins have, and the hub knows by name alone."""
    yield from ("", "## Options that do not act", "")
    yield "JupyterHub, or the class of a plug-in that is built in here, has them. A start names those that are set."
    yield from ("", "| option | why |", "|---|---|")
    for section in sorted(names.known):
        for name in sorted(names.known[section] - names.acting_traits(section)):
            yield f"| `c.{section}.{name}` | {names.reason(section, name) or 'not yet: JupyterHub acts on it'} |"


def _of(names: Names, section: str, help_of: Mapping[str, Mapping[str, str]]) -> Iterator[Option]:
    defaults = {name: default for (owner, name), default in PARTS.items() if owner == section}
    own = names.own_settings(section)
    for field in fields(names.structs[section]):
        if field.name not in own:
            continue
        default = field.default if field.default_factory is NODEFAULT else field.default_factory()
        defaults[field.name] = to_builtins(default) if isinstance(default, Struct) else default
    for group, texts in help_of.items():
        for name, text in texts.items():
            if name in defaults:
                yield Option(section, group, name, text, defaults.pop(name))
    for name, default in defaults.items():
        yield Option(section, "More", name, "", default)
