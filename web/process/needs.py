"""Files, folders and keys that a configuration names or needs, and that are not there. Nothing is made.

The machine itself, and what a hub has left on it, `callboard doctor` looks at.
"""

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
    if path != MEMORY and not Path(path).parent.is_dir():
        why = f"there is no folder {Path(path).parent}"
        yield Finding("resource", "c.JupyterHub.db_url", "missing", why)


def _secret(settings: Settings) -> Iterator[Finding]:
    """Where it is in the configuration itself."""
    if settings.hub.cookie_secret:
        try:
            load_or_make_secret(Path(), settings.hub.cookie_secret)
        except ConfigError as error:
            yield Finding("resource", "c.JupyterHub.cookie_secret", "wrong", str(error))


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
