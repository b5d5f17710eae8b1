"""A simulated person: logs in, starts a server, follows its start, works, and stops it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import NamedTuple

import httpx
import trio

from web.client.asynchronous import AsyncHub
from web.commands.loadtest.hub import LATER, Hub, check, told
from web.commands.loadtest.kernel import Kernel, channels
from web.commands.loadtest.measured import Failed, Measured, Refused

PAUSE = 5.0  # seconds, where they do not say how much later
REPORT = 60.0  # seconds between two words of activity
CELL = "sum(range(1000))"


class Habits(NamedTuple):
    """`password`: "" where they do not log in. `traffic`: kernel, http or none; `pause`: seconds between two of it.

    `start_timeout`: seconds that somebody waits for a server.
    """

    password: str
    traffic: str
    pause: float
    start_timeout: float


class Person:
    """`token`: their own."""

    def __init__(self, hub: Hub, measured: Measured, habits: Habits, name: str, token: str) -> None:
        self._hub = hub
        self._measured = measured
        self._habits = habits
        self._name = name
        self._token = token

    async def visit(self, leaves: float) -> None:
        """`leaves`: when, by trio's clock. What is refused or goes wrong is counted, and ends it.

        A server that was asked for is stopped, whatever happens.
        """
        async with self._hub.client_of(self._token) as client, self._hub.browser() as browser:
            with suppress(Refused, Failed):
                if self._habits.password:
                    with self._measured.step("log in"), told():
                        await self._log_in(browser)
                clicked = time.monotonic()
                await self._ask_for_server(client, leaves)
                try:
                    await self._use_server(client, browser, clicked, leaves)
                finally:
                    with trio.CancelScope(shield=True):
                        await self._stop(client)

    # --- coming ---

    async def _log_in(self, browser: httpx.AsyncClient) -> None:
        """The form, as a browser sends it."""
        page = f"{self._hub.pages}/login"
        check(await browser.get(page), 200)
        fields = {
            "username": self._name,
            "password": self._habits.password,
            "_xsrf": browser.cookies.get("_xsrf", ""),
        }
        check(await browser.post(page, data=fields), 302)

    async def _ask_for_server(self, client: AsyncHub, leaves: float) -> None:
        """Ask until it is granted. Refusals are counted; one that says "later" is heeded, while they would stay."""
        is_granted = False
        while not is_granted:
            try:
                with self._measured.step("start"), told():
                    await client.start(self._name, at_once=True)
                    is_granted = True
            except Refused as refused:
                wait = refused.retry_after or PAUSE
                if refused.status not in LATER or trio.current_time() + wait > leaves:
                    raise
                await trio.sleep(wait)

    async def _open(self, browser: httpx.AsyncClient, url: str) -> None:
        """With the cookie of a browser through all its redirects, or with a token."""
        headers = {} if self._habits.password else self._authorization
        check(await browser.get(url, headers=headers, follow_redirects=True), 200)

    @property
    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"token {self._token}"}

    # --- working ---

    async def _use_server(
        self, client: AsyncHub, browser: httpx.AsyncClient, clicked: float, leaves: float
    ) -> None:
        """`clicked`: when they asked for it first. Hubs differ in how much of a start its answer waits for."""
        with self._measured.step("ready", since=clicked), told():
            found = await client.wait_ready(self._name, timeout=self._habits.start_timeout)
        url = found.full_url or self._hub.server_url(found.url)
        with self._measured.step("open"), told():
            await self._open(browser, url)
        await self._work(client, browser, url, leaves)

    async def _work(self, client: AsyncHub, browser: httpx.AsyncClient, url: str, leaves: float) -> None:
        async with AsyncExitStack() as stack:
            kernel = None
            if self._habits.traffic == "kernel":
                kernel = await stack.enter_async_context(self._kernel(browser, url))
            next_report = trio.current_time() + REPORT
            await self._do_something(kernel, browser, url)
            while trio.current_time() + self._habits.pause < leaves:
                await trio.sleep(self._habits.pause)
                await self._do_something(kernel, browser, url)
                if trio.current_time() >= next_report:
                    next_report += REPORT
                    with self._measured.step("activity"), told():
                        await self._report(client)
            await trio.sleep_until(max(leaves, trio.current_time()))

    async def _do_something(self, kernel: Kernel | None, browser: httpx.AsyncClient, url: str) -> None:
        if kernel is not None:
            with self._measured.step("cell"):
                await kernel.run(CELL)
        elif self._habits.traffic == "http":
            with self._measured.step("request"), told():
                await self._open(browser, url)

    @asynccontextmanager
    async def _kernel(self, browser: httpx.AsyncClient, url: str) -> AsyncIterator[Kernel]:
        async with AsyncExitStack() as stack:
            with self._measured.step("kernel"), told():
                made = await browser.post(
                    f"{url}api/kernels", headers=self._authorization, json={"name": "python3"}
                )
                kernel_id = check(made, 201).json()["id"]
                kernel = await stack.enter_async_context(channels(url, kernel_id, self._token))
            yield kernel

    async def _report(self, client: AsyncHub) -> None:
        now = datetime.now(UTC).isoformat()
        body = {"last_activity": now, "servers": {"": {"last_activity": now}}}
        await client.request("POST", f"/users/{self._name}/activity", body=body)

    # --- leaving ---

    async def _stop(self, client: AsyncHub) -> None:
        with suppress(Refused, Failed), self._measured.step("stop"), told():
            if not await client.stop(self._name):
                await client.wait_stopped(self._name, timeout=self._habits.start_timeout)
