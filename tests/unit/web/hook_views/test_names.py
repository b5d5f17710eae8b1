"""Each name that JupyterHub's objects have is on the view that hooks are handed instead, or is refused with a sentence.

The names are read from the real classes, so that a new version of JupyterHub says what it has and we have not.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from jupyterhub import orm
from jupyterhub.auth import Authenticator, LocalAuthenticator, PAMAuthenticator
from jupyterhub.handlers import BaseHandler
from jupyterhub.objects import Hub as JupyterHubsHub
from jupyterhub.objects import Server
from jupyterhub.spawner import LocalProcessSpawner, SimpleLocalProcessSpawner, Spawner
from jupyterhub.user import User
from msgspec.structs import replace
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from werkzeug.datastructures import Headers

from core.plugins.hooks import running
from core.settings import GroupSettings
from projections import users
from projections.servers import servers
from spawners.local.settings import LocalProcessSettings
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests
from web.hook_views.request import RequestView
from web.hook_views.view import NotHereError


def public(*classes: type) -> set[str]:
    return {name for one in classes for name in dir(one) if not name.startswith("_")}


ASKED = RequestStartLine("GET", "/", "HTTP/1.1")
IN_OBJECTS = {  # what they are given when they are made, besides what their classes have
    "user": {"allow_named_servers", "base_url", "prefix", "spawners"},
    "handler": {"application", "path_args", "path_kwargs", "request", "ui"},
    "request": {
        name
        for name in vars(HTTPServerRequest(start_line=ASKED, headers=HTTPHeaders(Host="hub.test")))
        if not name.startswith("_")
    },
}
NAMES: dict[str, set[str]] = {
    "spawner": public(Spawner, LocalProcessSpawner, SimpleLocalProcessSpawner),
    "user.spawners[name]": public(Spawner),
    "authenticator": public(Authenticator, LocalAuthenticator, PAMAuthenticator),
    "user": public(User, orm.User) | IN_OBJECTS["user"],
    "handler": public(BaseHandler) | IN_OBJECTS["handler"],
    "handler.request": public(HTTPServerRequest) | IN_OBJECTS["request"],
    "server": public(Server),
    "hub": public(JupyterHubsHub),
    "group": public(orm.Group),
    "orm_user": public(orm.User),
    "orm_spawner": public(orm.Spawner),
    "orm_server": public(orm.Server),
}


@pytest.fixture
async def views() -> AsyncIterator[dict[str, Any]]:
    """One of each, of bob, whose server runs."""
    settings = settings_for_tests(load_groups={"physics": GroupSettings(["bob"])})
    async with hub_in_memory(settings) as hub, Client(hub, ADMIN_TOKEN) as client:
        assert (await client.post("/users/bob/server")).status_code == 201
        bob = users.by_name(hub.store.db, "bob")
        assert bob is not None
        made = hub.launch.views
        pam = replace(made.settings.hub, authenticator_class="pam")
        made.settings = replace(made.settings, spawner=LocalProcessSettings(), hub=pam)
        spawner = made.of_server(bob, servers.of_user(hub.store.db, bob.id)[0])
        request = RequestView("GET", "/hub/spawn", "a=1", Headers(), "127.0.0.1")
        yield {
            "spawner": spawner,
            "user.spawners[name]": spawner.user.spawners[""],
            "authenticator": spawner.authenticator,
            "user": spawner.user,
            "handler": made.handler(request, spawner.user, ["read:users!user=bob"]),
            "handler.request": request,
            "server": spawner.server,
            "hub": spawner.hub,
            "group": spawner.user.groups[0],
            "orm_user": spawner.user.orm_user,
            "orm_spawner": spawner.orm_spawner,
            "orm_server": spawner.orm_spawner.server,
        }


def is_there(view: object, called: str, name: str) -> bool:
    """Also where it is refused with the sentence that says what to use instead."""
    try:
        getattr(view, name)
    except NotHereError as error:
        return str(error).startswith(f"a_hook: {called}.{name} is not here: ") and str(error).endswith(".")
    except AttributeError:
        return False
    return True


async def test_each_name_is_there_or_is_refused_with_what_to_use_instead(
    views: dict[str, Any], autojump_clock: object
) -> None:
    with running("a_hook"):
        missing = {
            called: [name for name in sorted(names) if not is_there(views[called], called, name)]
            for called, names in NAMES.items()
        }
    assert missing == {called: [] for called in NAMES}
    assert views.keys() == NAMES.keys()


def is_kept(view: object, called: str, name: str) -> bool:
    """Whether setting it is refused with the sentence."""
    try:
        setattr(view, name, "another")
    except NotHereError as error:
        return str(error).startswith(f"a_hook: {called}.{name} cannot be changed: ")
    return False


async def test_what_is_there_cannot_be_changed_unnoticed(
    views: dict[str, Any], autojump_clock: object
) -> None:
    """But for a spawner's settings, options and progress."""
    free = {*views["spawner"].trait_names(), "user_options", "progress"}
    for name in free & NAMES["spawner"]:
        setattr(views["spawner"], name, getattr(views["spawner"], name))
    with running("a_hook"):
        changed = {
            called: [name for name in sorted(names) if not is_kept(views[called], called, name)]
            for called, names in (NAMES | {"spawner": NAMES["spawner"] - free}).items()
        }
    assert changed == {called: [] for called in NAMES}


async def test_what_nobody_knows_is_missing_as_ever(views: dict[str, Any], autojump_clock: object) -> None:
    for called, view in views.items():
        assert not hasattr(view, "flavour")
        with running("pre_spawn_hook"), pytest.raises(AttributeError, match=r"^pre_spawn_hook: ") as missing:
            _ = view.flavour
        assert str(missing.value) == f"pre_spawn_hook: {called} has no attribute 'flavour'"
        view.flavour = "mint"
        view.flavour = "rhubarb"
        assert view.flavour == "rhubarb"


@pytest.mark.parametrize(
    ("called", "change"),
    [
        ("user.groups", lambda views: views["user"].groups.append("staff")),
        ("user.roles", lambda views: views["user"].roles.clear()),
        ("user.spawners", lambda views: views["user"].spawners.pop("")),
        ("group.properties", lambda views: views["group"].properties.update(room=7)),
        ("authenticator.admin_users", lambda views: views["authenticator"].admin_users.add("bob")),
        ("authenticator.username_map", lambda views: views["authenticator"].username_map.update(a="b")),
        ("orm_spawner.state", lambda views: views["orm_spawner"].state.update(pid=1)),
    ],
)  # fmt: skip
async def test_lists_and_the_like_say_so_too(
    views: dict[str, Any], called: str, change: Any, autojump_clock: object
) -> None:
    with running("post_auth_hook"), pytest.raises(NotHereError) as refused:
        change(views)
    assert str(refused.value).startswith(f"post_auth_hook: {called} cannot be changed: ")
