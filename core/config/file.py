"""Reads configuration: a `jupyterhub_config.py` that sets traits of `c`, or the same in TOML; files and folders.

Why with traitlets' loader: docs/decisions/0004-config-by-traitlets-loader.md.
"""

from __future__ import annotations

import re
import tomllib
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from traitlets.config.loader import Config, PyFileConfigLoader

from core.config.lines import lines_of
from core.config.notes import IGNORED, UNKNOWN, Note
from core.config.plugins.chosen import chosen_authenticator, chosen_spawner
from core.config.plugins.packages import where_from
from core.config.reader import to_settings
from core.config.section import Given
from core.config.trait_names import Names
from core.config.validation import Word
from core.settings import ConfigError, Settings

DEFAULT_FILES = (Path("jupyterhub_config.py"), Path("callboard.toml"))
SUFFIXES = frozenset({".py", ".toml"})
COMMAND_LINE = "command line"

_OVERRIDE = re.compile(r"(?:--)?([A-Z]\w*)\.([a-z]\w*)=(.*)", re.DOTALL)


def load_settings(
    files: Sequence[Path], overrides: Sequence[str], *, names: Names
) -> tuple[Settings, list[Note]]:
    """The settings, and notes on what was given in vain. Raises ConfigError, whose text is one line.

    `names`: what may be named, with the classes of the spawners there are.
    `files`: the later wins; of a folder those that end in .py or .toml, by name. None means `jupyterhub_config.py`
    and `callboard.toml` in the current directory, if they are there.
    `overrides`: `--Class.trait=value`, which win over the files.
    """
    given, notes = read_given(files, overrides, names=names)
    try:
        settings, more = to_settings(given)
    except ConfigError as error:
        raise ConfigError(_with_line(str(error), given)) from error
    return settings, notes + more


def _with_line(refusal: str, given: Given) -> str:
    """What is about an option begins with the file that sets it: the line, where that can be told, comes behind it."""
    for (section, name), origin in given.origins.items():
        begin = f"{origin}: c.{section}.{name}"
        if refusal.startswith(begin) and not refusal[len(begin) : len(begin) + 1].isidentifier():
            line = lines_of(Path(origin)).get((section, name))
            return refusal.replace(f"{origin}:", f"{origin}:{line}:", 1) if line else refusal
    return refusal


def read_given(files: Sequence[Path], overrides: Sequence[str], *, names: Names) -> tuple[Given, list[Note]]:
    """What they say, unchecked; else as `load_settings`."""
    notes: list[Note] = []
    given = Given(names)
    for file in _found(files or [file for file in DEFAULT_FILES if file.is_file()], notes):
        _add(given, _read_toml(file) if file.suffix == ".toml" else _run(file), str(file))
    notes += [_ignored(text) for text in overrides if not _OVERRIDE.fullmatch(text)]
    _add(given, _from_command_line(overrides), COMMAND_LINE)
    return given, notes


def classes_named(overrides: Sequence[str], *, names: Names) -> list[type]:
    """The classes of JupyterHub's kind that a command line chooses. Raises ConfigError for what is none."""
    given = Given(names)
    _add(given, _from_command_line(overrides), COMMAND_LINE)
    return [kind for choose in (chosen_spawner, chosen_authenticator) for kind in choose(given).classes]


def _found(files: Sequence[Path], notes: list[Note]) -> Iterator[Path]:
    """With folders replaced by what is to be read of them. Raises ConfigError."""
    for file in files:
        if file.is_dir():
            for inner in sorted(file.iterdir()):
                if inner.name.startswith((".", "_")):
                    continue
                if inner.suffix in SUFFIXES and inner.is_file():
                    yield inner
                else:
                    notes.append(
                        Note(str(file), inner.name, IGNORED, "of a folder, .py and .toml files are read")
                    )
        elif file.is_file():
            yield file
        else:
            raise ConfigError(f"{file}: there is no such config file")


def _add(given: Given, config: Config, origin: str) -> None:
    for section, traits in config.items():
        names = traits if isinstance(traits, Config) else [""]  # `c.jupyterhub = ...` is no section
        given.origins.update({(section, name): origin for name in names})
    given.config.merge(config)


def _read_toml(file: Path) -> Config:
    """`[JupyterHub]`, and `port = 8000` below it, is `c.JupyterHub.port = 8000`."""
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not TOML: {_one_line(error)}") from error
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from error
    config = Config()
    for section, traits in tables.items():
        if not isinstance(traits, dict) or not section[:1].isupper():
            raise ConfigError(f"{file}: {section}: expected tables named after classes, such as [JupyterHub]")
        config[section].update(traits)
    return config


def _run(file: Path) -> Config:
    """What the file sets. A subconfig is looked for in the current directory, then beside the file."""
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
    hint = where_from(error.name or "") if isinstance(error, ModuleNotFoundError) else ""
    return f"{type(error).__name__}: {' '.join(text.split())[:300]}{f' ({hint})' if hint else ''}"


def _from_command_line(overrides: Sequence[str]) -> Config:
    config = Config()
    for text in overrides:
        if match := _OVERRIDE.fullmatch(text):
            section, name, value = match.groups()
            config[section][name] = Word(value)
    return config


def _ignored(text: str) -> Note:
    return Note(COMMAND_LINE, text.partition("=")[0], UNKNOWN, "expected --Class.trait=value")
