"""What a hub with these settings needs of the machine before it can start: files, folders and keys. Nothing is made."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from core.config.checking.findings import Finding, Verdict
from core.secrets.crypt import ENVIRONMENT, load_keys
from core.secrets.secret_file import load_or_make_secret
from core.settings import ConfigError, Settings, database_path

MEMORY = ":memory:"


def what_is_missing(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    yield from _keys(settings, environ)
    yield from _log(settings)
    yield from _secret(settings)
    yield from _files(settings)


def _keys(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    name = "c.CryptKeeper.keys"
    try:
        keeper = load_keys(settings.crypt.keys, environ)
    except ConfigError as error:
        yield Finding("resource", name, "wrong", str(error))
        return
    if settings.authenticator.enable_auth_state and not keeper:
        why = f"enable_auth_state needs a key: here, or in {ENVIRONMENT} (openssl rand -hex 32)"
        yield Finding("resource", name, "missing", why)


def _log(settings: Settings) -> Iterator[Finding]:
    path = database_path(settings.hub.db_url)
    if path == MEMORY:
        return
    file = Path(path)
    if not file.parent.is_dir():
        yield Finding("resource", "c.JupyterHub.db_url", "missing", f"there is no folder {file.parent}")
    elif not os.access(file if file.exists() else file.parent, os.W_OK):
        yield Finding("resource", "c.JupyterHub.db_url", "wrong", f"{file} cannot be written")


def _secret(settings: Settings) -> Iterator[Finding]:
    """One that is there is looked at as at a start; else there must be room to make it."""
    file = Path(settings.hub.cookie_secret_file).expanduser()
    name = f"c.JupyterHub.{'cookie_secret' if settings.hub.cookie_secret else 'cookie_secret_file'}"
    if not settings.hub.cookie_secret and not file.exists():
        if not os.access(file.parent, os.W_OK):
            yield Finding("resource", name, "missing", f"{file} is not there, and cannot be made")
        return
    try:
        load_or_make_secret(file, settings.hub.cookie_secret)
    except ConfigError as error:
        yield Finding("resource", name, "wrong", str(error))


def _files(settings: Settings) -> Iterator[Finding]:
    """Without the first two there is no public port; without the others pages are as they usually are."""
    hub = settings.hub
    needed: list[tuple[Verdict, str, str]] = [
        ("missing", "ssl_key", hub.ssl_key),
        ("missing", "ssl_cert", hub.ssl_cert),
        ("note", "logo_file", hub.logo_file),
        *(("note", "template_paths", path) for path in hub.template_paths),
    ]
    for verdict, name, path in needed:
        if path and not os.access(path, os.R_OK):
            yield Finding(
                "resource", f"c.JupyterHub.{name}", verdict, f"{path} is not there, or not readable"
            )
