"""The hub itself, and who one is to it."""

from __future__ import annotations

import sys
from typing import Any

from msgspec import UNSET, Struct, UnsetType
from quart import Response

from core.config.plugins.classes import full_name
from core.errors import ForbiddenError, InvalidError
from core.scopes import with_members
from core.settings import PluginAuthenticatorSettings, PluginSpawnerSettings
from projections import users
from web.hub.hub import Hub
from web.models.models import ServiceModel, UserModel
from web.models.servers_of import servers_of
from web.request.access import IDENTIFIED, OPEN, needs
from web.request.answers import put, reply
from web.request.context import caller, database, hub, raw_body
from web.request.routing import RouteGroup
from web.rights.aliases import with_older_names
from web.site import version

endpoints = RouteGroup("hub")


class Version(Struct, frozen=True):
    version: str


class Part(Struct, frozen=True, rename={"kind": "class"}):
    """`class`: its module and name."""

    kind: str
    version: str


class Info(Struct, frozen=True):
    """`version`: of the API; `callboard_version`: of the program."""

    version: str
    callboard_version: str
    python: str
    sys_executable: str
    spawner: Part
    authenticator: Part


class Config(Struct, frozen=True):
    """Limits of 0 mean that there is none."""

    base_url: str
    allow_named_servers: bool
    named_server_limit_per_user: int | None
    concurrent_spawn_limit: int
    active_server_limit: int
    spawner: str
    authenticator: str
    proxy: str


class FullInfo(Info, frozen=True):
    config: Config


class Shutdown(Struct, frozen=True):
    """What is to end with the hub; what is left out is as the configuration says."""

    proxy: bool | UnsetType = UNSET
    servers: bool | UnsetType = UNSET


class Message(Struct, frozen=True):
    message: str


class OwnUserModel(UserModel, kw_only=True):
    token_id: str | None
    session_id: str | None
    scopes: list[str]


class OwnServiceModel(ServiceModel, kw_only=True):
    token_id: str | None
    session_id: str | None
    scopes: list[str]


@endpoints.get("", "/", access=OPEN, answers={200: Version})
async def root() -> Response:
    """The version of JupyterHub's API that this hub speaks."""
    response = reply(Version(version.COMPATIBLE))
    put(response, (("Access-Control-Allow-Origin", "*"),))
    return response


@endpoints.get("/info", access=needs("read:hub"), answers={200: Info})
async def info() -> Response:
    """What runs here: versions, spawner, authenticator."""
    return reply(_info())


@endpoints.get("/hub/info", access=needs("read:hub"), answers={200: FullInfo})
async def info_with_settings() -> Response:
    """What runs here, with what people who start servers may want to know of the configuration."""
    settings = hub().settings.hub
    limit = settings.named_server_limit_per_user  # of the user, where a function says so
    config = {
        "base_url": settings.base_url,
        "allow_named_servers": settings.allow_named_servers,
        "named_server_limit_per_user": None if callable(limit) else limit,
        "concurrent_spawn_limit": settings.concurrent_spawn_limit,
        "active_server_limit": settings.active_server_limit,
        "spawner": settings.spawner_class,
        "authenticator": settings.authenticator_class,
        "proxy": settings.proxy_class,
    }
    return reply({**_info(), "config": config})


@endpoints.post(
    "/shutdown", "/hub/shutdown", access=needs("shutdown"), takes=Shutdown | None, answers={202: Message}
)
async def shut_down() -> Response:
    """End the hub, and with it proxy and servers if the body or, where it is silent, the configuration says so."""
    asked = await raw_body() or {}
    if not isinstance(asked, dict):
        raise InvalidError('The body of a shutdown is a JSON object such as {"servers": false}.')
    ending = hub().ending
    ending.proxy, ending.servers = (
        _flag(asked, "proxy", ending.proxy),
        _flag(asked, "servers", ending.servers),
    )
    hub().closing.set()
    return reply(Message("The hub is shutting down."), 202)


def _flag(asked: dict[str, Any], key: str, default: bool) -> bool:
    value = asked.get(key, default)
    if value not in (True, False) or isinstance(value, float):
        raise InvalidError(f"{key} is true or false.")
    return bool(value)


def _info() -> dict[str, Any]:
    the_hub = hub()
    return {
        "version": version.COMPATIBLE,
        "callboard_version": version.OWN,
        "python": sys.version,
        "sys_executable": sys.executable,
        "spawner": {"class": full_name(_spawner(the_hub)), "version": version.OWN},
        "authenticator": {"class": full_name(_authenticator(the_hub)), "version": version.OWN},
    }


def _spawner(the_hub: Hub) -> type[Any]:
    """Of a class made for JupyterHub that class, not what drives it."""
    settings = the_hub.settings.spawner
    if isinstance(settings, PluginSpawnerSettings) and settings.plugin.kind is not None:
        kind: type[Any] = settings.plugin.kind
        return kind
    return type(the_hub.spawner.main.spawner)


def _authenticator(the_hub: Hub) -> type:
    """That of a plug-in is the one that people have chosen, not ours around it."""
    settings = the_hub.settings.authenticator
    if isinstance(settings, PluginAuthenticatorSettings):
        chosen: type = settings.plugin.kind
        return chosen
    return type(the_hub.logins.authenticator)


@endpoints.get("/user", access=IDENTIFIED, answers={200: (OwnUserModel, OwnServiceModel)})
async def me() -> Response:
    """The model of the caller, what it may do, and by which token. What a server asks about its visitors."""
    identity, the_hub = caller(), hub()
    if not identity.is_in_log:
        raise ForbiddenError("This credential is of no user and of no service.")
    visible = identity.seen_by_itself
    model: UserModel | ServiceModel | None
    if identity.kind == "user":
        row = users.by_id(database(), identity.id)
        assert row is not None, "an identity's user is in the log"
        model = the_hub.models.user(row, servers_of(database(), row), visible)
        if model is not None:
            model.auth_state = UNSET  # never here, whatever the caller may
    else:
        service = the_hub.services.get(identity.name)
        assert service is not None, "an identity's service is in the log"
        model = the_hub.models.service(service, visible, as_stored=True)
    assert model is not None, "everybody may see themselves"
    fields = {name: value for name in model.__struct_fields__ if (value := getattr(model, name)) is not UNSET}
    held = with_older_names(database(), with_members(identity.scopes, the_hub.rights.memberships))
    return reply(
        {
            **fields,
            "token_id": identity.token_id or None,
            "session_id": identity.session_id,
            "scopes": held.as_strings(),
        }
    )
