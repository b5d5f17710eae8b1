"""Reads a `jupyterhub_config.py`: Python that sets traits of `c`.

Why with traitlets' loader: docs/decisions/0004-config-by-traitlets-loader.md.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Sequence
from pathlib import Path

from traitlets.config.loader import Config, PyFileConfigLoader

from core.config import ConfigError, Settings
from core.config_section import Given, Note
from core.config_settings import to_settings
from core.config_values import Word

DEFAULT_FILE = Path("jupyterhub_config.py")
COMMAND_LINE = "command line"

_OVERRIDE = re.compile(r"(?:--)?([A-Z]\w*)\.([a-z]\w*)=(.*)", re.DOTALL)


def load_settings(files: Sequence[Path], overrides: Sequence[str]) -> tuple[Settings, list[Note]]:
    """The settings, and notes on what was given in vain. Raises ConfigError, whose text is one line.

    `files`: the later wins; none means `jupyterhub_config.py` in the current directory if there is one.
    `overrides`: `--Class.trait=value`, which win over the files.
    """
    if not files and DEFAULT_FILE.is_file():
        files = [DEFAULT_FILE]
    given = Given(Config(), {})
    for file in files:
        _add(given, _run(file), str(file))
    ignored = [_ignored(text) for text in overrides if not _OVERRIDE.fullmatch(text)]
    _add(given, _from_command_line(overrides), COMMAND_LINE)
    settings, notes = to_settings(given)
    return settings, ignored + notes


def _add(given: Given, config: Config, origin: str) -> None:
    for section, traits in config.items():
        names = traits if isinstance(traits, Config) else [""]  # `c.jupyterhub = ...` is no section
        given.origins.update({(section, name): origin for name in names})
    given.config.merge(config)


def _run(file: Path) -> Config:
    """What the file sets. A subconfig is looked for in the current directory, then beside the file."""
    if not file.is_file():
        raise ConfigError(f"{file}: there is no such config file")
    name = file.absolute()  # the loader would expand `~` and `$` in any other
    loader = PyFileConfigLoader(str(name), path=["", str(name.parent)])  # type: ignore[arg-type]
    try:
        return loader.load_config()
    except SyntaxError as error:
        raise ConfigError(f"{error.filename or file}:{error.lineno}: {_one_line(error)}") from error
    except Exception as error:
        raise ConfigError(f"{_place(error) or file}: {_one_line(error)}") from error


def _place(error: Exception) -> str:
    """`file:line` of the innermost line of a config file that was running."""
    places = [
        f"{frame.f_code.co_filename}:{line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if "load_subconfig" in frame.f_globals and "get_config" in frame.f_globals
    ]
    return places[-1] if places else ""


def _one_line(error: Exception) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {' '.join(text.split())[:300]}"


def _from_command_line(overrides: Sequence[str]) -> Config:
    config = Config()
    for text in overrides:
        if match := _OVERRIDE.fullmatch(text):
            section, name, value = match.groups()
            config[section][name] = Word(value)
    return config


def _ignored(text: str) -> Note:
    return Note(COMMAND_LINE, text.partition("=")[0], "is not known here (expected --Class.trait=value)")
