"""One JupyterHub with everything in it, moved in here: two hubs side by side that are asked the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from msgspec import Struct

from tests.integration.hub import RealHub
from tests.moving.filling import Held, fill
from tests.moving.other_hub import ADMIN_TOKEN, COOKIE_DAYS, CRYPT_KEY, OtherHub, common_config


class Both(Struct):
    """`other`: runs again, on its own database. `ours`: of all that was moved in. Servers run once."""

    other: OtherHub
    ours: RealHub
    held: Held
    said: str


def our_config(directory: Path) -> str:
    """What JupyterHub is told in other_hub.py; `directory`: of that hub."""
    return f"""
c.JupyterHub.api_tokens = {{"{ADMIN_TOKEN}": "admin"}}
c.JupyterHub.cookie_max_age_days = {COOKIE_DAYS}
c.JupyterHub.cleanup_servers = False
c.JupyterHub.active_server_limit = 3
c.JupyterHub.named_server_limit_per_user = 1
c.Authenticator.enable_auth_state = True
c.DummyAuthenticator.password = "opensesame"
{common_config(directory, shares=True)}
"""


def our_hub(directory: Path, other: Path) -> RealHub:
    return RealHub(directory, config=our_config(other), environment={"JUPYTERHUB_CRYPT_KEY": CRYPT_KEY})


@contextmanager
def both_hubs(directory: Path) -> Iterator[Both]:
    other = OtherHub(directory / "other")
    ours = our_hub(directory / "ours", other.directory)
    try:
        other.start()
        held = fill(other)
        other.stop()
        moved = ours.run_another("import", "-f", "hub_config.py", str(other.database))
        assert moved.returncode == 0, moved.stderr
        ours.start()
        other.start()
        yield Both(other, ours, held, moved.stdout)
    finally:
        ours.close()
        other.close()


def ask(
    url: str, method: str, path: str, token: str = "", cookies: Any = None, **options: Any
) -> requests.Response:
    headers = {**({"Authorization": f"token {token}"} if token else {}), **options.pop("headers", {})}
    if cookies:
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return requests.request(
        method, f"{url}{path}", headers=headers, allow_redirects=False, timeout=30, **options
    )
