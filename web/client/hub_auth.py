"""Requests to the hub's API in the name of a token, for programs that want nothing but the response."""

from __future__ import annotations

import os
from typing import Any

import httpx

from web.client.connection import TIMEOUT


class HubAuth:
    """Works under trio and asyncio.

    auth = HubAuth(api_token=token, api_url="http://127.0.0.1:8000/hub/api")
    response = await auth.api_request("GET", "/users")
    response.raise_for_status()
    names = [user["name"] for user in response.json()]
    """

    def __init__(self, api_token: str = "", api_url: str = "") -> None:
        """From JUPYTERHUB_API_TOKEN and JUPYTERHUB_API_URL where they are not given."""
        self.api_token = api_token or os.environ["JUPYTERHUB_API_TOKEN"]
        self.api_url = (api_url or os.environ["JUPYTERHUB_API_URL"]).rstrip("/")

    async def api_request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The response, whatever its status; its body is read. `options`: as httpx takes them (`json`, `params`, ...).

        It asks for JSON, so that a start of a server answers with the server.
        """
        headers = {"Authorization": f"token {self.api_token}", "Accept": "application/json"}
        async with httpx.AsyncClient(headers=headers, timeout=TIMEOUT) as client:
            return await client.request(method, self.api_url + path, **options)
