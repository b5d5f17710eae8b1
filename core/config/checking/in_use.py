"""Which of what a configuration sets belongs to the classes that it has chosen."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from core.config.checking.findings import Verdict
from core.config.plugins.chosen import KEPT_TO, Chosen
from core.config.plugins.lineage import lineage, traits_of
from core.config.trait_names import AUTHENTICATORS, Names
from core.settings import AuthenticatorSettings, HubSettings, PluginSpawnerSettings, SpawnerProfile

FAMILIES = {"spawner_class": "Spawner", "authenticator_class": "Authenticator"}
"""From the options that choose a class to what all classes that can be chosen are derived from."""

_HUBS_OWN = KEPT_TO.union(AuthenticatorSettings.__struct_fields__)


class InUse:
    def __init__(
        self, names: Names, hub: HubSettings, chosen: dict[str, Chosen], absent: Collection[str]
    ) -> None:
        """`hub`: as far as the classes are concerned. `absent`: the families whose chosen class is not there."""
        kinds = [kind for one in chosen.values() for kind in one.classes]
        self._names = names.with_plugins(kinds)
        self._absent = absent
        self._of_plugins = {base.__name__: traits_of(kind) for kind in kinds for base in lineage(kind)}
        self._offered: list[str] = []  # by profiles, besides the one that is used
        self._used = {
            "Spawner": _section(chosen["spawner_class"]) or names.spawner(hub.spawner_class).section,
            "Authenticator": _section(chosen["authenticator_class"])
            or AUTHENTICATORS[hub.authenticator_class],
        }

    def offer(self, profiles: Iterable[SpawnerProfile]) -> None:
        """What is set for the spawners of these profiles acts as well."""
        for profile in profiles:
            settings = profile.settings
            if not isinstance(settings, PluginSpawnerSettings):
                self._offered.append(self._names.spawner(profile.spawner).section)
            elif (kind := settings.plugin.kind) is not None:
                self._names = self._names.with_plugins([kind])
                self._of_plugins |= {base.__name__: traits_of(kind) for base in lineage(kind)}
                self._offered.append(kind.__name__)

    def is_absent(self, section: str) -> bool:
        """Whether it is of the class that is not there, or of one beside it."""
        return any(section.endswith(family) and section != family for family in self._absent)

    def verdict(self, section: str, name: str) -> tuple[Verdict, str]:
        """Of an option that there is."""
        family = next((one for one in FAMILIES.values() if one in self._names.lineage(section)), "")
        if not family:
            return "acts", ""
        if name in self._of_plugins.get(section, ()):
            return ("acts" if name in _HUBS_OWN else "adapter"), ""
        offered = self._offered if family == "Spawner" else []
        verdicts = [self._by_class(family, used, section, name) for used in (self._used[family], *offered)]
        return next((found for found in verdicts if found[0] == "acts"), verdicts[0])

    def _by_class(self, family: str, used: str, section: str, name: str) -> tuple[Verdict, str]:
        """Where this class is in use."""
        if used in self._of_plugins and section in self._of_plugins:
            return "ignored", f"{used} has no such option"
        line = self._names.lineage(used)
        if section not in line:
            return "ignored", f"the {family.lower()} in use is {used}"
        if not any(name in self._names.own_settings(one) for one in line):
            return "ignored", f"{used} has no such option"
        return "acts", ""


def _section(chosen: Chosen) -> str:
    return chosen.kind.__name__ if chosen.kind is not None else ""
