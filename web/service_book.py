"""The services of the configuration: names, rights, and the routes they are reached by."""

from __future__ import annotations

from collections.abc import Mapping

from core.config import ServiceSettings


class ServiceBook:
    def __init__(self, services: Mapping[str, ServiceSettings]) -> None:
        self._services = services

    def __contains__(self, name: object) -> bool:
        return name in self._services

    def get(self, name: str) -> ServiceSettings | None:
        return self._services.get(name)

    def all(self) -> list[ServiceSettings]:
        return [self._services[name] for name in sorted(self._services)]
