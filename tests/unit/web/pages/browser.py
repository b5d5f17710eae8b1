"""Somebody's browser: keeps cookies by path, and is logged in or not."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpx
from quart_trio import QuartTrio

from tests.unit.web.openapi import openapi_check
from web.app.app import build_app
from web.hub.hub import Hub

NAVIGATES = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none"}
FETCHES = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin"}


class Browser(httpx.AsyncClient):
    """Follows no redirects. Two browsers may share an `app`, never cookies."""

    def __init__(
        self, hub: Hub, app: QuartTrio | None = None, *, origin: str = "http://hub.test", **headers: str
    ) -> None:
        self.app = app or build_app(hub)
        self.hub = hub
        self.origin = origin
        super().__init__(
            transport=httpx.ASGITransport(self.app),
            base_url=origin,
            headers=headers,
            event_hooks={"response": [self._check]},
        )

    async def _check(self, response: httpx.Response) -> None:
        await openapi_check.check(self.app, self.hub.base_url, response)

    @property
    def xsrf(self) -> str:
        """The token as scripts of the hub's pages read it."""
        found = [cookie.value for cookie in self.cookies.jar if cookie.name == "_xsrf"]
        return found[0] or "" if found else ""

    @property
    def session_id(self) -> str:
        return self.cookies.get("jupyterhub-session-id", "")

    async def log_in(self, name: str, password: str = "", *, next_url: str = "") -> httpx.Response:
        base = f"{self.hub.base_url}hub/login"
        query = {"next": next_url} if next_url else {}
        page = await self.get(base, params=query, headers=NAVIGATES)
        assert page.status_code == 200, page.text
        fields = {"username": name, "password": password, "_xsrf": self.xsrf}
        return await self.post(base, params=query, data=fields, headers=NAVIGATES)

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """As a script of the hub's pages calls the API."""
        url = f"{self.hub.base_url}hub/api{path}"
        headers = FETCHES | {"X-XSRFToken": self.xsrf} | options.pop("headers", {})
        return await self.request(method, url, headers=headers, **options)

    async def follow(self, response: httpx.Response, most: int = 10) -> httpx.Response:
        while response.is_redirect:
            assert most, "a loop of redirects"
            response = await self.get(response.headers["Location"])
            most -= 1
        return response


async def logged_in(hub: Hub, name: str = "alice", app: QuartTrio | None = None, **headers: str) -> Browser:
    browser = Browser(hub, app, **headers)
    answer = await browser.log_in(name)
    assert answer.status_code == 302, answer.text
    return browser


def path_of(response: httpx.Response) -> str:
    """Where it leads, with its query."""
    parts = urlsplit(response.headers["Location"])
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
