"""What passes between the hub and a spawner of JupyterHub's kind, beyond what all spawners are told.

Such a spawner has hooks, forms and options of its own, keeps a state, and expects to know its user. All that passes is
plain data, apart from `handler`, which hooks of the configuration read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from msgspec import Struct

from core.asyncio_thread.host import Condition

FormData = dict[str, list[Any]]


class Group(Struct, frozen=True):
    name: str
    properties: dict[str, Any] = {}


class Person(Struct, frozen=True):
    """A user, as plug-ins know one. `auth_state` is secret: never log it. `servers`: the names of all they have."""

    id: str
    name: str
    admin: bool = False
    groups: tuple[Group, ...] = ()
    auth_state: dict[str, Any] | None = None
    servers: tuple[str, ...] = ()


class Site(Struct, frozen=True):
    """Where the hub is. `connect_url`: scheme and host, as servers reach it; `public_host`: as people do, if known.

    `domain`: of the hub where users have subdomains of it, else "".
    """

    base_url: str = "/"
    connect_url: str = "http://127.0.0.1:8081"
    public_host: str = ""
    domain: str = ""
    named_servers: bool = False
    admin_access: bool = False


class ServerFacts(Struct, frozen=True):
    """One server of somebody. `spawn_id`: of the attempt that is meant, "" before there is one.

    `handler`: what hooks see of the request; None where nobody asks.
    """

    server_id: str
    person: Person
    name: str
    prefix: str
    spawn_id: str = ""
    display_name: str = ""
    user_options: dict[str, Any] = {}
    handler: Any = None


class KeptStates(Protocol):
    """Where states are kept: encrypted, beside the log. They may hold secrets."""

    def of(self, key: str) -> dict[str, Any] | None: ...

    def keys(self) -> list[str]: ...

    async def keep(self, key: str, state: dict[str, Any] | None) -> None:
        """Returns once it is on disk; None drops it. Raises UnavailableError."""


class PluginHub(Protocol):
    """The hub, to such a spawner."""

    @property
    def states(self) -> KeptStates: ...

    def site(self) -> Site: ...

    def person(self, user_id: str, name: str) -> Person:
        """As they are now. One who is no longer there has the name alone."""


@runtime_checkable
class RunsOwnHooks(Protocol):
    """A spawner whose class has the hooks and forms of a start itself, and runs them.

    Each raises what the class raises: core/plugins/hook_errors.py says what people are told of it.
    """

    def attach(self, hub: PluginHub) -> None:
        """Before anything else is asked of it."""

    def condition(self) -> Condition:
        """How its thread is."""

    async def options_form(self, server: ServerFacts) -> str:
        """HTML; "" where there is no form to fill in."""

    async def options_from_form(self, server: ServerFacts, data: FormData) -> dict[str, Any]: ...

    async def options_from_query(self, server: ServerFacts, data: FormData) -> dict[str, Any]: ...

    async def scopes(self, server: ServerFacts, trait: str) -> list[str]:
        """What a function of the configuration gives for this trait."""

    async def ready_event(self, server: ServerFacts, event: dict[str, Any]) -> dict[str, Any]:
        """The event that says that a server is ready, as `progress_ready_hook` leaves it."""

    async def after_stop(self, server: ServerFacts) -> None:
        """`post_stop_hook`, once nothing runs any more."""


@runtime_checkable
class HearsServers(Protocol):
    """A spawner whose class wants to know what its servers tell of themselves while they start."""

    async def hear(self, spawn_id: str, told: Mapping[str, Any]) -> None:
        """`told`: by traits of the class, such as `port`. Raises UnreachableError."""
