"""Whatever comes in whatever order: what was given for a browser works as long as its session and its server."""

from __future__ import annotations

from typing import Any, NamedTuple

import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests
from tests.effort import examples
from tests.unit.web.pages.browser import Browser
from tests.unit.web.pages.test_oauth import AUTHORIZE, answer_in, change, of_server, start

BROWSERS = 2

steps = st.lists(
    st.tuples(
        st.sampled_from(["log in", "log out", "ask for a code", "change a code", "stop", "start"]),
        st.integers(0, BROWSERS - 1),
    ),
    max_size=12,
)


class Given(NamedTuple):
    """A code or a token, and what it depends on: which login of which browser, and which run of the server."""

    value: str
    login: int
    run: int


class World:
    """The hub, and a model of it. Logins and runs of the server are numbered; None: there is none now."""

    def __init__(self, browsers: list[Browser]) -> None:
        self.browsers = browsers
        self.count = 0
        self.logins: list[int | None] = [None] * BROWSERS
        self.run: int | None = None
        self.secret = ""
        self.codes: list[Given] = []
        self.tokens: list[Given] = []

    def stands(self, given: Given) -> bool:
        return given.login in self.logins and given.run == self.run

    async def step(self, what: str, number: int) -> None:
        browser = self.browsers[number]
        match what:
            case "log in" if self.logins[number] is None:
                assert (await browser.log_in("bob")).status_code == 302
                self.logins[number] = self._next()
            case "log out":
                await browser.get("/hub/logout")
                self.logins[number] = None
            case "ask for a code":
                await self._ask(browser, self.logins[number])
            case "change a code" if self.codes:
                await self._change(browser, self.codes.pop())
            case "stop" if self.run is not None:
                await self._stop(browser.hub)
            case "start" if self.run is None:
                self.secret, self.run = await start(browser.hub), self._next()

    async def _ask(self, browser: Browser, login: int | None) -> None:
        answer = await browser.get(AUTHORIZE, params=of_server())
        if login is not None and self.run is not None:
            self.codes.append(Given(answer_in(answer)["code"], login, self.run))
        else:
            assert answer.status_code == 400 or answer.headers["Location"].startswith("/hub/login")

    async def _change(self, browser: Browser, code: Given) -> None:
        answer = await change(browser, code.value, "jupyterhub-user-bob", self.secret)
        assert (answer.status_code == 200) == self.stands(code), answer.text
        if answer.status_code == 200:
            self.tokens.append(code._replace(value=answer.json()["access_token"]))

    async def _stop(self, hub: Any) -> None:
        async with Client(hub, ADMIN_TOKEN) as admin:
            assert (await admin.delete("/users/bob/server")).status_code == 204
        self.run = None

    def _next(self) -> int:
        self.count += 1
        return self.count

    async def check(self) -> None:
        for token in self.tokens:
            async with Client(self.browsers[0].hub, token.value, self.browsers[0].app) as visitor:
                status = (await visitor.get("/user")).status_code
            assert (status == 200) == self.stands(token), token
        for browser, login in zip(self.browsers, self.logins, strict=True):
            assert ((await browser.call("GET", "/user")).status_code == 200) == (login is not None)


async def live(program: list[tuple[str, int]]) -> None:
    async with hub_in_memory(settings_for_tests()) as hub:
        first = Browser(hub)
        world = World([first, *(Browser(hub, first.app) for _ in range(BROWSERS - 1))])
        for what, number in program:
            await world.step(what, number)
            await world.check()


@given(steps)
@settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nothing_outlives_the_session_it_was_given_for(program: list[tuple[str, int]]) -> None:
    opening = [("start", 0), ("log in", 0), ("ask for a code", 0), ("change a code", 0)]
    trio.run(live, [*opening, *program])
