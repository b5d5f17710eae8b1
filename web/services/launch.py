"""What the process of a managed service is told, and the log of it.

Its token is derived from the secret file and its name: the log holds no more than the digest.
Source of the environment: JupyterHub 6.1, what its HubAuth reads.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable

import msgspec

from core.actors.service_process import Plan
from core.config.service_definition import CLIENT_ID_START, service_prefix
from core.plugins.spawner import Attempt, Spawner
from core.secrets.secret_file import derive
from core.service import Report
from core.settings import ServiceSettings, Settings
from web.rights.service_book import ServiceBook
from web.site.environment import public_addresses
from web.site.hosts import Hosts

Tell = Callable[[str, Report], Awaitable[object]]


def service_token(service: ServiceSettings, secret: bytes) -> str:
    """Which a managed service is given: the configured one, or one of its own."""
    return service.api_token or derive(derive(secret, "service-token"), service.name).hex()


class ServiceLaunch:
    def __init__(
        self,
        spawner: Spawner,
        services: ServiceBook,
        secret: bytes,
        *,
        settings: Callable[[], Settings],
        hosts: Hosts,
        hub_url: str,
        tell: Tell,
    ) -> None:
        """`settings`: as they are now. `hub_url`: where services reach the hub, with the base URL.

        `tell`: records what became of a process.
        """
        self.spawner = spawner
        self._services = services
        self._secret = secret
        self._key = derive(secret, "service-launch")
        self._settings = settings
        self._hosts = hosts
        self._hub_url = hub_url
        self._tell = tell

    def plans(self) -> list[Plan]:
        """The managed services, in the order of the configuration."""
        found = []
        for name, service in self._services.configured.items():
            row = self._services.get(name)
            if service.command and row is not None and row.from_config:
                found.append(Plan(name, self._digest(service), row.run, row.launch))
        return found

    def attempt(self, name: str, run: str) -> Attempt:
        service = self._services.configured[name]
        prefix = service_prefix(self._settings().hub.base_url, name) if service.url else ""
        environment = self._environment(service, prefix)
        return Attempt(run, service.user, name, prefix, {}, environment, self._settings().spawner)

    def launch(self, name: str) -> str:
        return self._digest(self._services.configured[name])

    async def tell(self, name: str, report: Report) -> None:
        await self._tell(name, report)

    def _digest(self, service: ServiceSettings) -> str:
        """Of all that its process is launched with. Keyed, for some of that may be secret."""
        launched_with = (service, self.attempt(service.name, "").environment)
        text = msgspec.json.encode(launched_with, order="deterministic")
        return hmac.digest(self._key, text, "sha256").hex()[:32]

    def _environment(self, service: ServiceSettings, prefix: str) -> dict[str, str]:
        token = service_token(service, self._secret)
        access = json.dumps(["access:services", f"access:services!service={service.name}"])
        environment = {
            "JUPYTERHUB_API_TOKEN": token,
            "JPY_API_TOKEN": token,
            "JUPYTERHUB_API_URL": f"{self._hub_url}/api",
            **public_addresses(self._settings().hub, self._hosts, prefix),
            "JUPYTERHUB_CLIENT_ID": service.oauth_client_id or f"{CLIENT_ID_START}{service.name}",
            "JUPYTERHUB_OAUTH_ACCESS_SCOPES": access,
            "JUPYTERHUB_OAUTH_SCOPES": access,
            "JUPYTERHUB_OAUTH_CALLBACK_URL": service.oauth_redirect_uri
            or self._hosts.url(f"{prefix}oauth_callback"),
            "JUPYTERHUB_OAUTH_CLIENT_ALLOWED_SCOPES": json.dumps(
                [*service.oauth_client_allowed_scopes, f"access:services!service={service.name}"]
            ),
            "JUPYTERHUB_SERVER_NAME": "",
            "JUPYTERHUB_SERVICE_NAME": service.name,
            "JUPYTERHUB_USER": "",
        }
        if service.url:
            environment |= {"JUPYTERHUB_SERVICE_URL": service.url, "JUPYTERHUB_SERVICE_PREFIX": prefix}
        return environment
