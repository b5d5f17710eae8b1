"""A hub in memory with one of the configurations in tests/configs/shapes, as its file says but for its log.

Where the file chooses a class of JupyterHub's kind for servers, that class runs them; else they are simulated.
"""

from __future__ import annotations

import http.server
import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import trio
from msgspec.structs import replace

import projections
from core.config.checking.findings import Report
from core.events.file.store import EventStore
from core.settings import PluginSpawnerSettings, ServiceSettings, Settings
from spawners import make_spawner
from spawners.configuration import checked
from spawners.simulated import SimulatedSettings, SimulatedSpawner
from tests.conftest import SECRET, SERVICE_TOKEN, Client
from tests.unit.web.pages.browser import NAVIGATES, Browser
from web.hub.hub import Hub
from web.main import open_hub

SHAPES = Path(__file__).parents[2] / "configs/shapes"


def read(name: str, *overrides: str) -> tuple[Report, Settings]:
    """What is said of it, and what it says."""
    report, settings = checked([SHAPES / f"{name}.py"], overrides)
    assert report.starts, report
    assert settings is not None
    return report, settings


class World:
    """`kind`: the file's own class, for servers or else for logins. `admin`: a service that may do all."""

    def __init__(self, name: str, settings: Settings, hub: Hub, admin: Client) -> None:
        self.name = name
        self.settings = settings
        self.hub = hub
        self.admin = admin

    @property
    def kind(self) -> Any:
        for part in (self.settings.spawner, self.settings.authenticator):
            if (plugin := getattr(part, "plugin", None)) is not None:
                return plugin.kind
        raise AssertionError(f"{self.name} has no class of its own")

    def path(self, rest: str) -> str:
        return f"{self.hub.base_url}{rest}"

    def browser(self, **headers: str) -> Browser:
        return Browser(self.hub, self.admin.app, **headers)

    async def page(self, rest: str, browser: Browser | None = None) -> httpx.Response:
        return await (browser or self.browser()).get(self.path(rest), headers=NAVIGATES)

    async def log_in(self, name: str, password: str = "", **headers: str) -> Browser | None:
        """None where that is refused."""
        browser = self.browser(**headers)
        answer = await browser.log_in(name, password)
        return browser if answer.status_code == 302 else None

    async def start(self, user: str, server: str = "", **options: Any) -> httpx.Response:
        await self.admin.post(f"/users/{user}")
        return await self.admin.post(f"/users/{user}/servers/{server}", json=options)

    async def wait(self, user: str, *states: str) -> dict[str, Any]:
        """Until the default server is in one of these: ready, stopped or failed. Its model."""
        with trio.fail_after(60):
            while True:
                answer = await self.admin.get(f"/users/{user}?include_stopped_servers&include_failures")
                model: dict[str, Any] = answer.json()["servers"][""]
                state = "ready" if model["ready"] else "pending" if model["pending"] else "stopped"
                if state in states:
                    return model
                await trio.sleep(0.01)


@asynccontextmanager
async def world(name: str, folder: Path) -> AsyncIterator[World]:
    """`folder`: for what spawners keep."""
    _, settings = read(name, "--JupyterHub.db_url=sqlite://")
    ops = ServiceSettings("ops", api_token=SERVICE_TOKEN, admin=True)
    settings = replace(settings, hub=replace(settings.hub, services=[*settings.hub.services, ops]))
    spawner = (
        make_spawner(settings, folder)
        if isinstance(settings.spawner, PluginSpawnerSettings)
        else SimulatedSpawner(SimulatedSettings())
    )
    store = EventStore(":memory:", projections.ALL, threaded=False)
    try:
        async with (
            open_hub(settings, store=store, secret=SECRET, spawner=spawner) as hub,
            Client(hub, SERVICE_TOKEN) as admin,
        ):
            admin.base_url = f"http://hub.test{hub.base_url}hub/api"  # type: ignore[assignment]  # httpx takes texts
            yield World(name, settings, hub, admin)
    finally:
        store.close()


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def pages() -> Iterator[str]:
    """A server that has an answer to everything, and where it is; `PAGE_URL` says so too."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        os.environ["PAGE_URL"] = url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield url
        finally:
            del os.environ["PAGE_URL"]
            server.shutdown()
            thread.join()
