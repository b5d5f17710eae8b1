"""What is given for one class of a config file, and how each of its traits is read."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import cache, partial
from typing import Any, TypeVar

from msgspec import NODEFAULT, Struct, field, to_builtins
from msgspec.structs import fields, replace
from traitlets.config.loader import Config, LazyConfigValue

from core.config.notes import IGNORED, Kind, Note
from core.config.plugins.classes import AUTHENTICATORS, SPAWNERS, Family, find_class, full_name
from core.config.prepare import words
from core.config.service_definition import CLIENT_ID_START, misfits
from core.config.trait_names import AUTHENTICATORS as OWN_AUTHENTICATORS
from core.config.trait_names import Names
from core.config.validation import Trait, convert, convert_struct
from core.settings import GroupSettings, Prepare, ServiceSettings, TornadoSettings

S = TypeVar("S", bound=Struct)

_fields = cache(fields)  # finding the types of a struct's fields takes a while


class Given(Struct):
    """What files and command line say, unchecked. `names`: what they may name.

    `origins`: who said it, by section and trait.
    """

    names: Names
    config: Config = field(default_factory=Config)
    origins: dict[tuple[str, str], str] = {}


class Section:
    """The values given for a class: in its own section, else in those of its ancestors."""

    def __init__(self, given: Given, name: str, notes: list[Note]) -> None:
        self.name = name
        self._values = Config()
        self._traits: dict[str, Trait] = {}
        self._notes = notes
        self.known = given.names
        for section in given.names.lineage(name):
            values = given.config.get(section, {})
            self._values.merge(Config({key: _own_copy(value) for key, value in values.items()}))
            self._traits |= {key: Trait(given.origins[section, key], section, key) for key in values}
        for old, new in given.names.renamed(name).items():
            if old in self and new not in self:
                self._values[new], self._traits[new] = self._values[old], self._traits[old]

    def __contains__(self, name: str) -> bool:
        return name in self._traits

    def names(self) -> set[str]:
        return set(self._traits)

    def raw(self, name: str) -> Any:
        """The value as it was given, None if it was not."""
        return self._values.get(name) if name in self else None

    def trait(self, name: str) -> Trait:
        return self._traits[name]

    def note(self, name: str, kind: Kind, text: str = "", at: str = "") -> None:
        trait = self.trait(name)
        self._notes.append(Note(trait.origin, f"c.{trait.section}.{name}{at}", kind, text))

    def fill(self, to: type[S]) -> S:
        """The struct with what is given, and its defaults for the rest."""
        given, prepare = {}, getattr(to, "prepare", {})
        for each in _fields(to):
            if each.name in self:
                make = each.default_factory
                default = each.default if make is NODEFAULT else make()
                given[each.name] = self.read(each.name, each.type, default, prepare.get(each.name))
        return to(**given)

    def read(self, name: str, to: Any, default: Any, prepare: Prepare | None = None) -> Any:
        """The value given for a trait, or `default`, which is also what changes in place start from.

        `prepare`: what brings it into its form, where the spawner whose trait it is says so.
        """
        if name not in self:
            return default
        value = self._values[name]
        if isinstance(value, LazyConfigValue):
            start = to_builtins(default) if isinstance(default, Struct) else default
            value = value.get_value(start)
            if value == start:
                return default
        if name in READERS:
            return READERS[name](self, self.trait(name), value)
        if prepare is None:
            return convert(self.trait(name), value, to)
        ignore = partial(self._note_ignored, name)
        return convert(self.trait(name), value, to, lambda given: prepare(given, ignore))

    def _note_ignored(self, name: str, at: str, why: str) -> None:
        self.note(name, IGNORED, why, at)


def _own_copy(value: Any) -> Any:
    """Merging changes what is still to be applied in place; all other values are only read."""
    return deepcopy(value) if isinstance(value, LazyConfigValue) else value


def _environment(_: Section, trait: Trait, value: Any) -> dict[str, Any]:
    """Texts, and functions of the spawner that are called at each start."""
    given: dict[str, Any] = convert(trait, value, dict[str, Any])
    functions = {name: item for name, item in given.items() if callable(item)}
    texts = {name: item for name, item in given.items() if name not in functions}
    convert(trait, texts, dict[str, str])
    return given


def _tornado_settings(section: Section, trait: Trait, value: Any) -> TornadoSettings:
    given = convert(trait, value, dict[str, Any])
    known = {name: given[name] for name in given if name in TornadoSettings.__struct_fields__}
    for name in given.keys() - known.keys():
        section.note(trait.name, IGNORED, "there is no tornado here", f"[{name!r}]")
    return convert_struct(trait, known, TornadoSettings)


def _groups(_: Section, trait: Trait, value: Any) -> dict[str, GroupSettings]:
    """Each group as a dict, or as the list of its users."""
    groups = {}
    for name, item in convert(trait, value, dict[str, Any]).items():
        group = {"users": item} if isinstance(item, list | tuple | set | frozenset) else item
        groups[name] = convert_struct(trait, group, GroupSettings, f"[{name!r}]")
    return groups


def _services(_: Section, trait: Trait, value: Any) -> list[ServiceSettings]:
    services: dict[str, ServiceSettings] = {}
    for number, item in enumerate(convert(trait, value, list[dict[str, Any]])):
        service = _service(trait, item, f"[{number}]")
        if service.name in services:
            raise trait.refuse(service.name, "there is a service of this name already", f"[{number}].name")
        services[service.name] = service
    return list(services.values())


def _service(trait: Trait, item: dict[str, Any], at: str) -> ServiceSettings:
    fields = {**item, "command": words(item.get("command", []))}
    if not fields.get("api_token", "-"):
        del fields["api_token"]  # empty: none
    service = convert_struct(trait, fields, ServiceSettings, at)
    for misfit in misfits(
        service.name,
        url=service.url,
        oauth_client_id=service.oauth_client_id,
        oauth_redirect_uri=service.oauth_redirect_uri,
    ):
        raise trait.refuse(getattr(service, misfit.field), misfit.allowed, f"{at}.{misfit.field}")
    return replace(service, oauth_client_id=service.oauth_client_id or f"{CLIENT_ID_START}{service.name}")


def _spawner_class(section: Section, trait: Trait, value: Any) -> str:
    return _class_name(trait, value, SPAWNERS, section.known.spawners)


def _authenticator_class(_: Section, trait: Trait, value: Any) -> str:
    return _class_name(trait, value, AUTHENTICATORS, OWN_AUTHENTICATORS)


def _class_name(trait: Trait, value: Any, family: Family, own: dict[str, str]) -> str:
    """Of ours the name that is shown first, of another its full name."""

    def named(given: Any) -> str:
        found = find_class(given, family, own)
        return found if isinstance(found, str) else full_name(found)

    return str(convert(trait, value, str, named))


READERS: dict[str, Callable[[Section, Trait, Any], Any]] = {
    "environment": _environment,
    "tornado_settings": _tornado_settings,
    "spawner_class": _spawner_class,
    "authenticator_class": _authenticator_class,
    "load_groups": _groups,
    "spawner_profiles": lambda *_: {},  # core/config/profiles.py reads them, once the spawners are known
    "services": _services,
}
