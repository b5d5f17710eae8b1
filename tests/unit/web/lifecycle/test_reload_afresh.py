"""A hub that has read its configuration anew is what a hub started with it would be; what it is not yet is named.

Each setting is given another value and taken back again. Compared are the parts that hubs are built of, with whatever
they keep of the configuration, what the log says of it, and where log lines go.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec.structs import asdict, fields, replace
from trio.testing import wait_all_tasks_blocked

import projections
from core.events import codec
from core.events.file.store import EventStore
from core.events.hub import STREAM
from core.naming.ids import is_id
from core.settings import (
    GroupSettings,
    PAMSettings,
    ServiceSettings,
    Settings,
    SpawnerProfile,
    SpawnerSettings,
    TornadoSettings,
)
from spawners import make_spawner
from spawners.local.service_process import make_service_spawner
from spawners.local.settings import LocalProcessSettings
from tests.conftest import SECRET, settings_for_tests
from tests.made_once import empty_log
from tests.unit.web.lifecycle.built_parts import parts
from web.app.app import build_app
from web.hub.hub import Hub
from web.lifecycle.reload import CHANGEABLE, Reloader
from web.main import open_hub
from web.monitoring.logs import set_up_logging
from web.request.log_context import request_named

WEB = ServiceSettings("web", url="http://127.0.0.1:1", timeout=0.1)
OPS = ServiceSettings("ops", admin=True, api_token="token-of-the-service")
WATCHER = ServiceSettings("watcher", command=["true"])


class Change(NamedTuple):
    """One setting, with another value than it has in `settings`; and back again."""

    part: str
    name: str
    value: Any
    about: str = ""

    def of(self, settings: Settings, directory: Path) -> Settings:
        value = PLACES[self.name](directory) if self.name in PLACES else self.value
        part = replace(getattr(settings, self.part), **{self.name: value})
        return replace(settings, **{self.part: part})

    def __str__(self) -> str:
        return ".".join(filter(None, [self.part, self.name, self.about]))


def hook(*_: Any) -> None:
    """Of a configuration."""


class Listener(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        """Lines are of no matter here."""


# --- another value for each setting ---

PROFILE = SpawnerProfile(
    "a", "A", "", "localprocess", LocalProcessSettings(debug=True), LocalProcessSettings()
)

USABLE: dict[tuple[str, str], Any] = {
    ("hub", "api_tokens"): {"another-token-of-alice": "alice"},
    ("hub", "service_tokens"): {"another-token-of-ops": "ops"},
    ("hub", "load_roles"): [
        {"name": "ops", "services": ["ops"], "scopes": ["list:users"]},
        {"name": "staff", "users": ["alice"], "groups": ["staff"], "scopes": ["read:users"]},
    ],
    ("hub", "load_groups"): {"staff": GroupSettings(users=["alice"], properties={"a": 1})},
    ("hub", "custom_scopes"): {"custom:grades:read": {"description": "Read grades"}},
    ("hub", "extra_user_scopes"): {"read:hub"},
    ("hub", "named_server_limit_per_user"): hook,
    ("hub", "default_url"): "/hub/home",
    ("hub", "user_redirect_hook"): hook,
    ("hub", "template_vars"): {"announcement": "closed today"},
    ("hub", "trusted_downstream_ips"): ["192.0.2.1"],
    ("hub", "spawn_throttle_retry_range"): (1, 2),
    ("hub", "log_level"): "DEBUG",
    ("hub", "log_format"): "%(message)s",
    ("hub", "log_datefmt"): "%H",
    ("hub", "logging_config"): {"loggers": {"callboard.http": {"level": "CRITICAL", "propagate": False}}},
    ("hub", "extra_log_handlers"): [Listener()],
    ("proxy", "extra_routes"): {"/docs/": "http://127.0.0.1:9"},
    ("spawner", "options_form"): "<input name='x'>",
    ("spawner", "server_token_scopes"): ["read:users!user"],
    ("spawner", "oauth_client_allowed_scopes"): ["read:users!user"],
    ("spawner", "group_overrides"): {"gpu": {"groups": ["staff"], "spawner_override": {"debug": True}}},
    ("authenticator", "allow_existing_users"): True,
    ("callboard", "spawner_profiles"): {"a": PROFILE},
}
PLACES: dict[str, Callable[[Path], Any]] = {
    "template_paths": lambda directory: [str(directory)],
    "data_files_path": str,
    "logo_file": lambda directory: str(directory / "logo.svg"),
    "extra_log_file": lambda directory: str(directory / "hub.log"),
}
TORNADO: dict[str, Any] = {
    "headers": {"X-Frame-Options": "DENY"},
    "cookie_options": {"samesite": "Strict"},
    "xsrf_cookie_kwargs": {"samesite": "Strict"},
    "csp_report_uri": "/reports",
}
SERVICES: dict[str, list[ServiceSettings]] = {
    "another": [OPS, WEB, ServiceSettings("another")],
    "name": [OPS, replace(WEB, name="other")],
    "admin": [replace(OPS, admin=False), WEB],
    "url": [OPS, replace(WEB, url="http://127.0.0.1:2")],
    "api_token": [replace(OPS, api_token="another-token-of-ops"), WEB],
    "info": [OPS, replace(WEB, info={"a": 1})],
    "display": [OPS, replace(WEB, display=False)],
    "timeout": [OPS, replace(WEB, timeout=0.2)],
    "oauth_client_id": [OPS, replace(WEB, oauth_client_id="service-other")],
    "oauth_redirect_uri": [OPS, replace(WEB, oauth_redirect_uri="http://127.0.0.1:3/cb")],
    "oauth_client_allowed_scopes": [OPS, replace(WEB, oauth_client_allowed_scopes=["read:users!user"])],
    "oauth_no_confirm": [OPS, replace(WEB, oauth_no_confirm=True)],
    "none": [],
}


def another(kind: Any, value: Any) -> Any:
    """A value that is not this one, of the setting's type."""
    match value:
        case bool():
            return not value
        case int() | float():
            return type(value)(value / 2) or 1
        case str():
            return "another"
        case list():
            return [*value, "another"]
        case tuple():
            return value[::-1]
        case set():
            return {*value, "bob"}
        case dict():
            return {**value, "another": "one"}
        case None if kind is Any:
            return hook
        case None:
            return 1
        case _:
            raise AssertionError(f"think of another {kind}")


def changes(base: Settings) -> Iterator[Change]:
    for part in Settings.__struct_fields__:
        present = getattr(base, part)
        for field in fields(type(present)):
            name, value = field.name, getattr(present, field.name)
            if name == "tornado_settings":
                yield from (
                    Change(part, name, replace(value, **{key: TORNADO.get(key, another(None, inner))}), key)
                    for key, inner in asdict(TornadoSettings()).items()
                )
            elif name == "services":
                yield from (Change(part, name, services, about) for about, services in SERVICES.items())
            else:
                yield Change(part, name, USABLE.get((part, name), another(field.type, value)))


BASE = replace(
    settings_for_tests(
        spawner_class="localprocess",
        services=[OPS, WEB],
        load_roles=[{"name": "reader", "scopes": ["read:users"]}],
    ),
    spawner=LocalProcessSettings(),
)
ALL = list(changes(BASE))
ACTING = [change for change in ALL if change.name in CHANGEABLE.get(change.part, ())]
WAITING = [change for change in ALL if change not in ACTING]
OF_LOGINS = [change for change in ACTING if change.part == "authenticator"]
AUTHENTICATORS = ("pam", "shared-password", "oidc", "null")


# --- hubs and what they are ---


class Process:
    """One program after another, each with its own logging, all with the same directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.log = directory / "log.sqlite"

    def forget_log(self) -> None:
        for file in self._directory.glob(f"{self.log.name}*"):
            file.unlink()
        self.log.write_bytes(empty_log())

    @asynccontextmanager
    async def hub(self, settings: Settings) -> AsyncIterator[Hub]:
        forget_logging()
        set_up_logging(settings.hub, settings.callboard.log_style, request_named)
        spawner = make_spawner(settings, self._directory)
        service_spawner = make_service_spawner(settings, self._directory / "services")
        with closing(EventStore(str(self.log), projections.ALL, threaded=False)) as store:
            async with open_hub(
                settings, store=store, secret=SECRET, spawner=spawner, service_spawner=service_spawner
            ) as hub:
                yield hub


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    root.handlers.clear()  # they are the test's, and not to be closed
    (tmp_path / "logo.svg").write_text("<svg/>")
    yield Process(tmp_path)
    forget_logging()
    root.handlers[:] = handlers
    root.setLevel(level)


def loggers() -> dict[str, logging.Logger]:
    found = logging.Logger.manager.loggerDict.items()
    ours = {
        name: one for name, one in found if name.startswith("callboard") and isinstance(one, logging.Logger)
    }
    return {"": logging.getLogger(), **ours}


def forget_logging() -> None:
    """As a process that begins."""
    for logger in loggers().values():
        for handler in logger.handlers:
            handler.close()
        logger.handlers.clear()
        logger.setLevel(logging.NOTSET)
        logger.propagate = True
        logger.disabled = False


LOGGED = ("level", "propagate", "disabled", "handlers")
OF_THE_LOG = re.compile(
    r"(_writer|_end|_since|_known_events|answers|\._?entities\.\w+)\.|\._store\.(_listeners\.)?head$|\._salt$|marks\._log$|\._?began$|(watch|_breaker)\._heard(_at)?$"
)
OF_ALL_SPAWNERS = "|".join(SpawnerSettings.__struct_fields__)
CARRIED_BY_ATTEMPTS = re.compile(
    rf"(\._launch\.keywords\.configured|\._(state_of|free_now)\.self\._by_name\.\w+\.spawner\._settings)\.({OF_ALL_SPAWNERS})(\.|$)"
)


def built(hub: Hub) -> dict[str, str]:
    """But for what is each hub's own, and for what spawners fall back on: each attempt of a hub brings its settings."""
    found = parts({"hub": hub, "largest": build_app(hub).config["MAX_CONTENT_LENGTH"]})
    logging_ = {name: {key: getattr(one, key) for key in LOGGED} for name, one in loggers().items()}
    found |= {f"logging {path}": value for path, value in parts(logging_).items()}
    return {
        path: value
        for path, value in found.items()
        if not OF_THE_LOG.search(path) and not CARRIED_BY_ATTEMPTS.search(path)
    }


def story(hub: Hub) -> list[str]:
    """What is in the log, without ids and digests, and without the starts themselves."""
    return [
        re.sub(r"[a-z][a-z0-9]{25}", lambda found: "ID" if is_id(found[0]) else found[0], said)
        for record in hub.store.read_all()
        if record.stream != STREAM
        for said in [f"{record.stream} {without_digest(codec.encode(record.event))}"]
    ]


def without_digest(event: Any) -> str:
    return re.sub(r'"digest": ?"[^"]*"', "", str(event))


def differing(one: dict[str, str], other: dict[str, str]) -> dict[str, tuple[str | None, str | None]]:
    return {
        path: (one.get(path), other.get(path))
        for path in sorted(one.keys() | other.keys())
        if one.get(path) != other.get(path)
    }


async def reloaded(
    process: Process, old: Settings, new: Settings
) -> tuple[dict[str, str], list[str], list[str]]:
    """What a hub is that began with the old and has read the new; its log, and what it says it waits for."""
    process.forget_log()
    async with process.hub(old) as hub:
        found = await Reloader(hub, lambda: (new, []), SECRET).reload()
        await wait_all_tasks_blocked()
        return built(hub), story(hub), found.waiting


async def afresh(process: Process, old: Settings, new: Settings) -> tuple[dict[str, str], list[str]]:
    """What a hub is that begins with the new, on the log of one that began with the old."""
    process.forget_log()
    async with process.hub(old):
        pass
    async with process.hub(new) as hub:
        await wait_all_tasks_blocked()
        return built(hub), story(hub)


async def check(process: Process, old: Settings, new: Settings) -> None:
    now, log, waiting = await reloaded(process, old, new)
    then, log_then = await afresh(process, old, new)
    assert waiting == []
    assert differing(now, then) == {}
    assert log == log_then


# --- the comparisons ---


async def test_two_hubs_that_begin_alike_are_alike(process: Process) -> None:
    """Else the comparison would compare nothing."""
    found = [await afresh(process, BASE, BASE) for _ in range(2)]
    assert found[0] == found[1]
    assert len(found[0][0]) > 1000


@pytest.mark.parametrize("change", ACTING, ids=str)
async def test_what_acts_at_once_acts_as_after_a_restart(
    change: Change, process: Process, tmp_path: Path
) -> None:
    changed = change.of(BASE, tmp_path)
    await check(process, BASE, changed)
    await check(process, changed, BASE)


@pytest.mark.parametrize("authenticator", AUTHENTICATORS)
@pytest.mark.parametrize("change", OF_LOGINS, ids=str)
async def test_so_does_what_is_about_logins_whatever_the_way_to_log_in(
    change: Change, authenticator: str, process: Process, tmp_path: Path
) -> None:
    base = replace(
        BASE, hub=replace(BASE.hub, authenticator_class=authenticator), pam=PAMSettings(open_sessions=True)
    )
    await check(process, base, change.of(base, tmp_path))


async def test_all_else_is_named_as_waiting_and_changes_nothing(process: Process, tmp_path: Path) -> None:
    async with process.hub(BASE) as hub:
        await wait_all_tasks_blocked()
        before, head = built(hub), hub.store.head
        for change in WAITING:
            new = change.of(BASE, tmp_path)
            found = await Reloader(hub, lambda new=new: (new, []), SECRET).reload()
            assert (found.changed, len(found.waiting)) == ([], 1), change
            assert found.waiting[0].endswith(f".{change.name}"), change
            assert differing(before, built(hub)) == {}, change
        assert hub.store.head == head
