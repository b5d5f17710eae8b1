"""Each class, trait and hook that files and command line name: whether it acts, and if not, why.

The files are run, as for a hub; nothing else is. What is refused is set aside and the rest read again, so that all that
is wrong is told, and not the first of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from traitlets.config.loader import Config

from core.config.checking.findings import Finding, Report, Verdict, What
from core.config.checking.in_use import FAMILIES, InUse
from core.config.desired import desired_state
from core.config.file import read_given
from core.config.lines import lines_of
from core.config.notes import IGNORED, NOT_YET, ODD, UNKNOWN, Kind, Note
from core.config.plugins.chosen import Chosen, chosen_authenticator, chosen_spawner
from core.config.plugins.classes import full_name
from core.config.reader import to_settings
from core.config.section import Given, Section
from core.config.trait_names import Names
from core.errors import HubError
from core.settings import ConfigError, HubSettings, Settings

Option = tuple[str, str]
"""A class, and a trait of it."""

_VERDICTS: dict[Kind, Verdict] = {IGNORED: "ignored", NOT_YET: "not yet", ODD: "note", UNKNOWN: "unknown"}
_CLASSES: dict[str, Callable[[Given], Chosen]] = {
    "spawner_class": chosen_spawner,
    "authenticator_class": chosen_authenticator,
}
_CHOICES = {("JupyterHub", name) for name in _CLASSES}
_NOT_THERE = ("it is not installed", "there is no module")


def checked(
    files: Sequence[Path], overrides: Sequence[str], *, names: Names
) -> tuple[Report, Settings | None]:
    """What there is to say of a configuration, and the settings of a hub with what of it can be."""
    try:
        given, notes = read_given(files, overrides, names=names)
    except ConfigError as error:
        return Report(trouble=(str(error),)), None
    return Check(given, notes).result()


class Check:
    """`_given`: less what turns out not to be there."""

    def __init__(self, given: Given, notes: list[Note]) -> None:
        self._given = given
        self._origins = given.origins
        self._notes = notes
        self._absent: set[str] = set()
        self._lines = {origin: lines_of(Path(origin)) for origin in set(given.origins.values())}
        self._classes: list[Finding] = []
        self._refused: dict[Option, str] = {}
        self._trouble: list[str] = []

    def result(self) -> tuple[Report, Settings | None]:
        chosen = {name: self._choose(name, choose) for name, choose in _CLASSES.items()}
        in_use = InUse(self._given.names, self._hub(), chosen, self._absent)
        settings = self._settings()
        if settings is not None:
            self._trouble += _impossible(settings)
            in_use.offer(settings.callboard.spawner_profiles.values())
        told = self._told()
        findings = [
            *self._classes,
            *(self._found(option, in_use, told) for option in self._given.origins if option not in _CHOICES),
            *(Finding("trait", one.name, _VERDICTS[one.kind], one.text, one.origin) for one in self._notes),
        ]
        return Report(tuple(findings), tuple(self._trouble)), settings

    def _hub(self) -> HubSettings:
        """What is said of classes, which has been found to be right."""
        top = Section(self._given, "JupyterHub", [])
        usual = HubSettings()
        return replace(usual, **{name: top.read(name, str, getattr(usual, name)) for name in _CLASSES})

    # --- classes ---

    def _choose(self, name: str, choose: Callable[[Given], Chosen]) -> Chosen:
        """Which class is meant; where that is none, what is said of it is set aside."""
        option = ("JupyterHub", name)
        try:
            chosen = choose(self._given)
        except ConfigError as error:
            why = _reason(error, option, self._origins[option])
            verdict: Verdict = "missing" if any(text in why for text in _NOT_THERE) else "wrong"
            self._classes.append(self._finding("class", option, verdict, why))
            self._absent.add(FAMILIES[name])
            self._given = _without(self._given, option)
            return Chosen()
        if option in self._given.origins:
            self._classes.append(self._class(option, chosen))
        return chosen

    def _class(self, option: Option, chosen: Chosen) -> Finding:
        if chosen.kind is None:
            return self._finding("class", option, "acts", "one of the hub's own")
        return self._finding("class", option, "adapter", full_name(chosen.kind))

    # --- values ---

    def _settings(self) -> Settings | None:
        """Without what is refused. None where what is left is no configuration either."""
        given = self._given
        while True:
            try:
                settings, notes = to_settings(given)
            except ConfigError as error:
                option = self._blamed(error)
                if option is None or option not in given.origins:
                    self._trouble += [] if self._refused else [str(error)]
                    return None
                self._refused[option] = _reason(error, option, self._origins[option])
                given = _without(given, option)
            else:
                self._notes += notes
                return settings

    def _blamed(self, error: ConfigError) -> Option | None:
        """Which option an error is about."""
        begins = [option for option, origin in self._origins.items() if _is_about(error, option, origin)]
        return max(begins, key=lambda option: len(_full(option)), default=None)

    # --- findings ---

    def _told(self) -> dict[str, Note]:
        """What is noted of an option, of the first part of it, or of its class, by full name; taken off the list."""
        told: dict[str, Note] = {}
        names = {_full(option) for option in self._given.origins}
        names |= {f"c.{section}" for section, _ in self._given.origins}
        for note in self._notes:
            name = note.name.partition("[")[0]
            if name in names:
                told.setdefault(name, note)
        self._notes = [note for note in self._notes if note.name.partition("[")[0] not in names]
        return told

    def _found(self, option: Option, in_use: InUse, told: dict[str, Note]) -> Finding:
        section, name = option
        what = _what(self._given.config.get(section, {}), name)
        if option in self._refused:
            return self._finding(what, option, "wrong", self._refused[option])
        if in_use.is_absent(section):
            return self._finding(what, option, "missing", "comes with the class that is not there")
        if note := told.get(_full(option)) or told.get(f"c.{section}"):
            part = note.name.partition("[")
            return self._finding(
                what, option, _VERDICTS[note.kind], f"{''.join(part[1:])} {note.text}".strip()
            )
        verdict, text = in_use.verdict(section, name)
        return self._finding(what, option, verdict, text or _called(self._given, option))

    def _finding(self, what: What, option: Option, verdict: Verdict, text: str) -> Finding:
        origin = self._origins[option]
        line = self._lines.get(origin, {}).get(option)
        return Finding(what, _full(option), verdict, text, f"{origin}:{line}" if line else origin)


def _full(option: Option) -> str:
    section, name = option
    return f"c.{section}.{name}" if name else f"c.{section}"


def _what(values: Any, name: str) -> What:
    return "hook" if isinstance(values, Config) and _is_function(values.get(name)) else "trait"


def _is_function(value: Any) -> bool:
    return callable(value) and not isinstance(value, type)


def _called(given: Given, option: Option) -> str:
    """Of a hook what it calls."""
    section, name = option
    value = given.config[section].get(name)
    return f"calls {getattr(value, '__name__', type(value).__name__)}" if _is_function(value) else ""


def _without(given: Given, *options: Option) -> Given:
    """The same, had nobody said anything of these."""
    config = Config()
    for section, values in given.config.items():
        if not isinstance(values, Config):
            config[section] = values
            continue
        kept = {name: value for name, value in values.items() if (section, name) not in options}
        config[section] = Config(kept)
    origins = {option: origin for option, origin in given.origins.items() if option not in options}
    return replace(given, config=config, origins=origins)


def _reason(error: ConfigError, option: Option, origin: str) -> str:
    """What is wrong with a value, without where it was said and what it is called."""
    return str(error).removeprefix(f"{origin}: {_full(option)}").removeprefix(" = ")


def _is_about(error: ConfigError, option: Option, origin: str) -> bool:
    begin = f"{origin}: {_full(option)}"
    return str(error).startswith(begin) and not str(error)[len(begin) : len(begin) + 1].isalnum()


def _impossible(settings: Settings) -> Iterator[str]:
    """What cannot be wished for of roles, scopes and names."""
    try:
        desired_state(settings)
    except (ConfigError, HubError, ValueError) as error:
        yield str(error)
