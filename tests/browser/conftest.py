"""A real Chromium that looks at the pages of a real hub."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    WebError,
    expect,
    sync_playwright,
)

from tests.integration.hub import RealHub

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AXE = (Path(__file__).parent / "axe/axe.min.js").read_text()
SCREENSHOTS = Path(__file__).parents[2] / "build/screenshots"
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1180, "height": 820}
TIMEOUT = 20_000  # milliseconds

# What a browser says on its own about an answer that is meant to be one of refusal.
_EXPECTED = re.compile(r"Failed to load resource: the server responded with a status of (4|5)\d\d|net::ERR_")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    expect.set_options(timeout=TIMEOUT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Windows:
    """Opens browsers that share nothing, and complains of what their consoles complain of."""

    def __init__(self, chromium: Browser) -> None:
        self._chromium = chromium
        self.complaints: list[str] = []
        self._contexts: list[BrowserContext] = []

    def context(
        self,
        *,
        phone: bool = False,
        scheme: str = "light",
        url: str = "",
        scripts: bool = True,
        zoom: int = 1,
        locale: str = "en-US",
    ) -> BrowserContext:
        """`scripts`: whether they run. `locale`: the language that the browser wants.

        `zoom`: as a window that is so many times smaller, which is what it comes to.
        """
        size = PHONE if phone else DESK
        context = self._chromium.new_context(
            viewport={"width": size["width"] // zoom, "height": size["height"] // zoom},
            device_scale_factor=zoom,
            java_script_enabled=scripts,
            ignore_https_errors=url.startswith("https"),  # certificates of tests
            color_scheme=scheme,  # type: ignore[arg-type]
            locale=locale,
            base_url=url or None,
            reduced_motion="reduce",
        )
        context.set_default_timeout(TIMEOUT)
        context.on("console", self._heard)
        context.on("weberror", self._broke)
        self._contexts.append(context)
        return context

    def _heard(self, message: ConsoleMessage) -> None:
        """What JupyterLab says of itself is no concern of the hub's."""
        if message.type != "error" or _EXPECTED.search(message.text):
            return
        if message.page is None or "/hub/" in message.page.url:
            self.complaints.append(message.text)

    def _broke(self, error: WebError) -> None:
        if error.page is None or "/hub/" in error.page.url:
            self.complaints.append(str(error.error))

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@pytest.fixture
def windows(chromium: Browser) -> Iterator[Windows]:
    """Errors of scripts, and violations of the Content-Security-Policy, fail the test."""
    opened = Windows(chromium)
    yield opened
    opened.close()
    assert not opened.complaints


def log_in(page: Page, name: str, path: str = "/hub/home") -> None:
    page.goto(f"/hub/login?next={path}")
    page.fill("#username_input", name)
    page.fill("#password_input", "any")
    page.click("#login_submit")
    page.wait_for_url(lambda url: "/hub/login" not in url)


def slow_down(page: Page, milliseconds: int) -> None:
    """Whatever it asks for takes so long to come back."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    conditions = {"offline": False, "latency": milliseconds, "downloadThroughput": -1, "uploadThroughput": -1}
    session.send("Network.emulateNetworkConditions", conditions)


def violations(page: Page) -> list[str]:
    """What is wrong with the accessibility of a page."""
    page.evaluate(AXE)  # not as an element of the page: its policy would not have it
    found = page.evaluate(
        """async () => {
            const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
            const found = await axe.run(document, {runOnly: rules});
            const told = one => one.nodes.map(node => `${node.html} ${node.failureSummary}`).join(" | ");
            return found.violations.map(one => `${one.id}: ${one.help}: ${told(one)}`);
        }"""
    )
    return [str(one) for one in found]


CUT_OFF = """() => {
    const cut = [];
    const said = (field) => field.placeholder ?? field.selectedOptions[0]?.text ?? "";
    for (const field of document.querySelectorAll("input[placeholder], textarea[placeholder], select")) {
        if (!field.checkVisibility()) continue;
        const style = getComputedStyle(field);
        const canvas = document.createElement("canvas").getContext("2d");
        canvas.font = style.font;
        const arrow = field.matches("select") ? 16 : 0;
        const room = field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - arrow;
        if (canvas.measureText(said(field)).width > room) cut.push(said(field));
    }
    for (const field of document.querySelectorAll("textarea[readonly], input[readonly]")) {
        if (!field.checkVisibility()) continue;
        const isWhole = field.scrollHeight <= field.clientHeight + 1 && field.scrollWidth <= field.clientWidth + 1;
        if (!isWhole) cut.push(field.value);
    }
    for (const sheet of document.querySelectorAll(".sheet, .bar, .announcement, dialog[open]")) {
        const end = sheet.getBoundingClientRect().right;
        const walk = document.createTreeWalker(sheet, NodeFilter.SHOW_TEXT);
        for (let text = walk.nextNode(); text; text = walk.nextNode()) {
            const element = text.parentElement;
            const isApart = element.closest(".hidden, .table-wrap, thead, pre, svg, .picture, .tabs, select");
            if (!text.data.trim() || isApart || !element.checkVisibility()) continue;
            const range = document.createRange();
            range.selectNodeContents(text);
            const rightmost = range.getBoundingClientRect().right;
            const isShortened = getComputedStyle(element).textOverflow === "ellipsis";
            if (rightmost > end + 1 && !isShortened) cut.push(text.data.trim());
        }
    }
    return cut;
}"""


def cut_off(page: Page) -> list[str]:
    """Texts not seen to their end: placeholders, what is chosen or to be copied, what reaches beyond its sheet."""
    return [str(one) for one in page.evaluate(CUT_OFF)]


MakeRealHub = Callable[..., RealHub]


@contextmanager
def running(hub: RealHub) -> Iterator[RealHub]:
    try:
        hub.start()
        yield hub
    finally:
        hub.close()
