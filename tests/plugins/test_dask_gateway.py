"""dask-gateway's authenticator, unmodified: tokens of the hub's users and services say who somebody is."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.integration.conftest import MakeHub
from tests.integration.hub import ADMIN_TOKEN, RealHub
from tests.plugins.environments import environment

pytestmark = pytest.mark.world

ASK = """
import asyncio, json, sys
from aiohttp import web
from dask_gateway_server.auth import JupyterHubAuthenticator

class Request:
    def __init__(self, token):
        self.headers = {"Authorization": f"jupyterhub {token}"}

async def main():
    authenticator = JupyterHubAuthenticator(
        jupyterhub_api_url=sys.argv[1],
        jupyterhub_api_token=sys.argv[2],
        jupyterhub_service_name="dask-gateway",
    )
    await authenticator.setup(None)
    found = []
    for token in sys.argv[3:]:
        try:
            user = await authenticator.authenticate(Request(token))
            found.append([user.name, sorted(user.groups), user.admin])
        except web.HTTPException as error:
            found.append(error.status)
    await authenticator.cleanup()
    print(json.dumps(found))

asyncio.run(main())
"""

CONFIG = """
c.JupyterHub.services = [
    {"name": "dask-gateway", "url": "http://127.0.0.1:1", "api_token": "canary-gateway-5b21"},
    {"name": "reports", "api_token": "canary-reports-77c0"},
]
c.JupyterHub.load_groups = {"research": {"users": ["alice"]}}
c.JupyterHub.load_roles = [
    {
        "name": "cluster",
        "scopes": ["access:services!service=dask-gateway"],
        "groups": ["research"],
        "services": ["reports"],
    },
]
"""


def told(hub: RealHub, *tokens: str) -> Any:
    """For each token: name, groups and whether it is an administrator's, or the status of a refusal."""
    done = subprocess.run(
        [
            str(environment("clients") / "python"),
            "-c",
            ASK,
            f"{hub.url}/hub/api",
            "canary-gateway-5b21",
            *tokens,
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)


def test_it_knows_users_and_services_by_their_tokens_and_who_may_use_the_gateway(make_hub: MakeHub) -> None:
    hub = make_hub(programs=environment("clients"), config=CONFIG)
    hub.start()
    for name in ("alice", "bob"):
        hub.add_user(name)
    alice, bob = (hub.token_of(name, ["inherit"]) for name in ("alice", "bob"))
    narrow = hub.token_of("alice", ["read:users!user"])
    found = told(hub, alice, bob, narrow, ADMIN_TOKEN, "canary-reports-77c0", "no-such-token")
    assert found == [
        ["alice", ["research"], False],
        401,  # bob may not use it
        401,  # a token for something else
        ["admin", [], True],
        ["service:reports", [], False],
        500,  # dask-gateway's way to say that the hub answered 403
    ]
