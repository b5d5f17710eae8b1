"""From what the config files say to checked `Settings`, and to notes on options that have no effect.

The section of a class inherits from those of its parents and wins over them. Only the classes in use count:
`c.Spawner.cmd` for every spawner, `c.DummyAuthenticator.x` only where `dummy` is the authenticator.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from msgspec.structs import replace
from traitlets.config.loader import Config

from core.config.foreign import is_foreign, what_it_is
from core.config.logins.login import (
    authenticator_settings,
    local_users_settings,
    shared_password_settings,
)
from core.config.logins.oidc import oidc_settings
from core.config.notes import IGNORED, NOT_YET, ODD, UNKNOWN, Note
from core.config.plugins.chosen import (
    Chosen,
    chosen_authenticator,
    chosen_spawner,
    plugin_authenticator_settings,
    plugin_settings,
    plugin_spawner_settings,
)
from core.config.profiles import spawner_profiles
from core.config.proxy import chp_settings, proxy_class, proxy_settings
from core.config.section import Given, Section
from core.config.trait_names import AUTHENTICATORS, MOVED, Names, nearest
from core.naming.subdomains import is_host
from core.settings import (
    LOG_NAME,
    CallboardSettings,
    ConfigError,
    CryptSettings,
    DummySettings,
    EventLoggerSettings,
    HubSettings,
    PAMSettings,
    Port,
    Settings,
    SpawnerSettings,
    StartAPISettings,
)


def to_settings(given: Given) -> tuple[Settings, list[Note]]:
    """Raises ConfigError for a value that is not allowed."""
    chosen, admitting = chosen_spawner(given), chosen_authenticator(given)
    given = replace(given, names=given.names.with_plugins((*chosen.classes, *admitting.classes)))
    notes = _note_names(given)
    top = Section(given, "JupyterHub", notes)
    proxy = Section(given, "ConfigurableHTTPProxy", notes)
    hub = replace(_hub(top), proxy_class=proxy_class(top, proxy))
    spawner, main = _spawner(given, chosen, hub.spawner_class, notes)
    callboard = Section(given, "Callboard", notes)
    profiles = spawner_profiles(given, callboard, _spawner, notes)
    if profiles and "spawner_class" not in top:  # nobody has named another
        first = next(iter(profiles.values()))
        hub, main = replace(hub, spawner_class=first.spawner), first.engine_settings
    settings = replace(
        _logins(given, top, hub, admitting, notes),
        hub=hub,
        proxy=proxy_settings(proxy, hub),
        configurable_http_proxy=chp_settings(proxy, top, hub),
        spawner=main,
        callboard=replace(callboard.fill(CallboardSettings), spawner_profiles=profiles),
        crypt=Section(given, "CryptKeeper", notes).fill(CryptSettings),
        event_logger=Section(given, "EventLogger", notes).fill(EventLoggerSettings),
        start_api=Section(given, "StartAPI", notes).fill(StartAPISettings),
    )
    _check_url(top, "hub_bind_url", hub.hub_bind_url)
    _check_url(top, "hub_connect_url", hub.hub_connect_url)
    _check_url(spawner, "hub_connect_url", settings.spawner.hub_connect_url)
    return settings, notes


def _hub(top: Section) -> HubSettings:
    hub = top.fill(HubSettings)
    _check_url(top, "bind_url", hub.bind_url)
    base_url = hub.base_url if "base_url" in top else _path_of(hub.bind_url)
    base_url = f"/{base_url.strip('/')}/".replace("//", "/")
    subdomain_host = _subdomain_host(top, hub.subdomain_host)
    return replace(
        hub,
        base_url=base_url,
        bind_url=_bind_url(top, hub, base_url),
        hub_routespec=_hub_routespec(top, hub.hub_routespec, base_url, subdomain_host),
        public_url=_public_url(top, hub.public_url or subdomain_host, base_url),
        subdomain_host=subdomain_host,
        db_url=_db_url(top, hub),
    )


def _spawner(given: Given, chosen: Chosen, name: str, notes: list[Note]) -> tuple[Section, SpawnerSettings]:
    """`name`: what `c.JupyterHub.spawner_class` stands for."""
    if chosen.kind is None:
        kind = given.names.spawner(name)
        section = Section(given, kind.section, notes)
        return section, section.fill(kind.settings)
    section = Section(given, chosen.kind.__name__, notes)
    return section, plugin_spawner_settings(section, chosen.kind, plugin_settings(given, chosen))


def _logins(given: Given, top: Section, hub: HubSettings, chosen: Chosen, notes: list[Note]) -> Settings:
    """The parts that are about logging in. A class of JupyterHub's kind has all that is not common to itself."""
    name = hub.authenticator_class
    section = AUTHENTICATORS[name] if chosen.kind is None else chosen.kind.__name__
    login = Section(given, section, notes)
    _check_login_names(given, section)
    common = authenticator_settings(login, top, name)
    if chosen.kind is not None:
        return Settings(authenticator=plugin_authenticator_settings(common, plugin_settings(given, chosen)))
    return Settings(
        authenticator=common,
        dummy=login.fill(DummySettings),
        shared_password=shared_password_settings(login),
        local_users=local_users_settings(login),
        pam=login.fill(PAMSettings),
        oidc=oidc_settings(login, name),
    )


def _bind_url(top: Section, hub: HubSettings, base_url: str) -> str:
    """The public URL to bind; `ip` and `port` win over its parts, and TLS decides its scheme."""
    scheme, _, rest = hub.bind_url.partition("://")
    if scheme == "http+unix":
        return f"http+unix://{rest}"
    parts = urlsplit(hub.bind_url)
    host = top.read("ip", str, parts.hostname or "")
    port = top.read("port", Port, parts.port)
    if "bind_url" in top:
        for name in {"ip", "port"} & top.names():
            top.note(name, ODD, "wins over that part of bind_url: use one of the two")
    address = f"[{host}]" if ":" in host else host
    return f"{'https' if hub.ssl_cert else 'http'}://{address}{'' if port is None else f':{port}'}{base_url}"


def _public_url(top: Section, url: str, base_url: str) -> str:
    if not url:
        return ""
    _check_url(top, "public_url", url)
    if urlsplit(url).path in ("", "/"):
        return url.rstrip("/") + base_url
    with_slash = url.rstrip("/") + "/"
    if not with_slash.endswith(base_url):
        raise top.trait("public_url").refuse(url, f"its path must be that of base_url, {base_url}")
    return with_slash


def _subdomain_host(top: Section, url: str) -> str:
    """An origin in lower case; without a scheme it is one of https. Its host is a name: below an address is nothing."""
    if not url:
        return ""
    full = (url if "://" in url else f"https://{url}").rstrip("/").lower()
    _check_url(top, "subdomain_host", full)
    parts = urlsplit(full)
    if (
        full != f"{parts.scheme}://{parts.netloc}"
        or parts.scheme == "http+unix"
        or not _has_name(parts.hostname)
    ):
        expected = "expected a host's name with its protocol, such as https://hub.example"
        raise top.trait("subdomain_host").refuse(url, expected)
    return full


def _has_name(host: str | None) -> bool:
    return host is not None and is_host(host) and not host.rpartition(".")[2].isdigit()


def _hub_routespec(top: Section, path: str, base_url: str, subdomain_host: str) -> str:
    """By default all below the base URL; `/hub/` or `/hub/api/` where other pages are somebody else's."""
    if not path:
        return "/" if subdomain_host else base_url
    with_slashes = f"/{path.strip('/')}/".replace("//", "/")
    if not with_slashes.startswith(base_url):
        raise top.trait("hub_routespec").refuse(path, f"must begin with base_url, {base_url}")
    return with_slashes


_OTHER_DATABASE = re.compile(r"(?:postgres|postgresql|mysql|mariadb|cockroachdb|oracle|mssql)(?:\+\w+)?://")


def _db_url(top: Section, hub: HubSettings) -> str:
    """A URL; a plain file name is one of an SQLite file. Where JupyterHub's other databases are meant there is a file.

    That is beside the secret, which a hub keeps where it keeps its own things.
    """
    url = hub.db_url
    if _OTHER_DATABASE.match(url):
        file = Path(hub.cookie_secret_file).expanduser().with_name(LOG_NAME)
        top.note(
            "db_url", IGNORED, f"the log is a file of SQLite, {file} here: nothing is kept in that database"
        )
        return f"sqlite:///{file}"
    full = url if "://" in url else f"sqlite:///{url}"
    if full != "sqlite://" and not re.fullmatch("sqlite:///.+", full):
        allowed = "expected a file's name, sqlite:///NAME, or sqlite:// for a log in memory"
        raise top.trait("db_url").refuse(url, allowed)
    return full


def _path_of(url: str) -> str:
    return "/" if url.startswith("http+unix:") else urlsplit(url).path


def _check_url(section: Section, name: str, url: str) -> None:
    if not url:
        return
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https", "http+unix") and bool(parts.netloc)
        usable = usable and (parts.port != 0 or name == "bind_url")  # what is told to others
    except ValueError:
        usable = False
    if not usable:
        raise section.trait(name).refuse(url, "expected a URL such as http://127.0.0.1:8000")


def _note_names(given: Given) -> list[Note]:
    """What is unknown, does not act or has moved."""
    notes: dict[Note, None] = {}  # in order, and each once
    for (section, name), origin in given.origins.items():
        if section not in given.names.classes or not isinstance(given.config.get(section), Config):
            notes[Note(origin, f"c.{section}", UNKNOWN, _about_class(given, section))] = None
        elif note := _trouble(given.names, origin, section, name):
            notes[note] = None
    return list(notes)


def _about_class(given: Given, section: str) -> str:
    """What it is where that is known; else which one may be meant, if that looks like a slip of the hand."""
    names = given.names
    if is_foreign(section):
        return what_it_is(section)
    return (
        _did_you_mean(names.misspelt(section, names.classes))
        or what_it_is(section)
        or _did_you_mean(nearest(section, names.classes))
    )


def _trouble(names: Names, origin: str, section: str, name: str) -> Note | None:
    full = f"c.{section}.{name}"
    if (section, name) in MOVED:
        return Note(origin, full, ODD, f"deprecated: use c.{'.'.join(MOVED[section, name])}")
    if newer := names.renamed(section).get(name):
        return Note(origin, full, ODD, f"deprecated: use c.{section}.{newer}")
    if name in names.acting_traits(section):
        return None
    known = names.known_traits(section)
    if name not in known:
        return Note(origin, full, UNKNOWN, _did_you_mean(nearest(name, known)))
    why = names.reason(section, name)
    return Note(origin, full, IGNORED if why else NOT_YET, why)


def _check_login_names(given: Given, authenticator: str) -> None:
    """What is misspelt where it says who may come in might let everybody in. Raises ConfigError."""
    sections = given.names.lineage(authenticator)
    for (section, name), origin in given.origins.items():
        near = section if section in sections else given.names.misspelt(section, sections)
        known = given.names.known_traits(section) if section in sections else set()
        if near and name not in known and (section, name) not in MOVED:
            hint = _did_you_mean(near if near != section else nearest(name, known))
            raise ConfigError(
                f"{origin}: c.{section}{name and '.'}{name}: there is no such option, and it may be meant to keep "
                f"somebody out{hint and '; '}{hint}"
            )


def _did_you_mean(name: str) -> str:
    return f"did you mean {name}?" if name else ""
