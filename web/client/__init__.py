"""A client of the hub, for plain programs and for those on trio or asyncio.

    from web.client import Hub

    with Hub("http://127.0.0.1:8000/hub/api", token) as hub:
        hub.create_user("alice")
        hub.start("alice")
        server = hub.wait_ready("alice")
        print(server.url, [user.name for user in hub.users()])

`AsyncHub` has the same methods, to be awaited (`async for user in hub.users()`):

    async with AsyncHub(api_url, token) as hub:
        with trio.fail_after(60):
            await hub.start("alice", options={"image": "datascience"})
            await hub.wait_ready("alice", on_event=lambda event: print(event.message))

Without arguments both take address and token from JUPYTERHUB_API_URL and JUPYTERHUB_API_TOKEN, as the hub's services
find them.

A request that got no answer, or "later", is repeated where that is safe. Commands carry an Idempotency-Key, so that the
hub carries each out once; name one yourself (`key=`) to repeat a command safely even after your program has crashed.
Refusals are raised as RefusedError, which has the status and the hub's words.

The client needs httpx and msgspec, and nothing of the hub itself.
"""

from web.client.asynchronous import AsyncHub
from web.client.errors import HubError, RefusedError, StartFailedError, UnreachableError
from web.client.hub_auth import HubAuth
from web.client.models import Group, Me, Progress, Server, Service, Share, ShareCode, Started, Token, User
from web.client.plain import Hub

__all__ = [
    "AsyncHub",
    "Group",
    "Hub",
    "HubAuth",
    "HubError",
    "Me",
    "Progress",
    "RefusedError",
    "Server",
    "Service",
    "Share",
    "ShareCode",
    "StartFailedError",
    "Started",
    "Token",
    "UnreachableError",
    "User",
]
