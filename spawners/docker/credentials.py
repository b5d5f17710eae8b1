"""Who the hub is to registries: the logins that `docker login` has kept in a file.

Programs that keep them elsewhere (`credsStore`, `credHelpers`) are not asked. Source: the docker command line's
configuration file, and the header X-Registry-Auth of the Engine API.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

logger = logging.getLogger("callboard.spawner")

_HUB = "https://index.docker.io/v1/"  # what stands for names without a registry


def registry_of(name: str) -> str:
    """Of an image without its tag, as the file calls it."""
    first, slash, _ = name.partition("/")
    is_host = slash and ("." in first or ":" in first or first == "localhost")
    return first if is_host else _HUB


def credentials_for(name: str, folder: Path) -> str:
    """For the header, to pull the image of this name; "" where there is no login for its registry. Never log it."""
    file = folder / "config.json"
    try:
        logins = json.loads(file.read_bytes()).get("auths", {})
        user, _, password = _decoded(_login(logins, registry_of(name))).partition(":")
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, AttributeError) as error:
        logger.warning("cannot read the logins of registries in %s: %s", file, type(error).__name__)
        return ""
    if not user:
        return ""
    given = {"username": user, "password": password, "serveraddress": registry_of(name)}
    return base64.urlsafe_b64encode(json.dumps(given).encode()).decode()


def _login(logins: Mapping[str, Mapping[str, Any]], registry: str) -> str:
    """Keys may be URLs."""
    for key, login in logins.items():
        if registry in (key, key.partition("://")[2].partition("/")[0]):
            return str(login.get("auth", ""))
    return ""


def _decoded(login: str) -> str:
    """Raises ValueError."""
    try:
        return base64.b64decode(login, validate=True).decode()
    except binascii.Error as error:
        raise ValueError("no login") from error
