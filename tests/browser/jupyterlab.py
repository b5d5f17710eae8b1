"""JupyterLab as the server of a real hub, and what people do in it."""

from __future__ import annotations

import os
import re

from playwright.sync_api import Page, expect

from tests.integration.hub import BIN

JUPYTERLAB = [str(BIN / "jupyterhub-singleuser"), *(["--allow-root"] if os.geteuid() == 0 else [])]
SLOWLY = 90_000  # milliseconds: JupyterLab on a busy machine


def start(page: Page) -> None:
    page.goto("/hub/home")
    page.click("#start")
    page.wait_for_selector("#progress-bar, .jp-Launcher", timeout=SLOWLY)
    page.wait_for_url(re.compile("/user/alice/lab"), timeout=SLOWLY)
    open_a_notebook(page)


def open_a_notebook(page: Page) -> None:
    """From the launcher, with a kernel that listens."""
    page.wait_for_selector(".jp-Launcher", timeout=SLOWLY)
    with page.expect_websocket(lambda socket: "/channels" in socket.url, timeout=SLOWLY) as kernel:
        page.click('.jp-LauncherCard[data-category="Notebook"]')
    if not kernel.value.is_closed():
        kernel.value.wait_for_event("framereceived", timeout=SLOWLY)  # what is run before that is lost
    expect(page.locator("#jp-main-statusbar")).to_contain_text("| Idle", timeout=SLOWLY)


def run_a_cell(page: Page, code: str, result: str) -> None:
    editor = page.locator(".jp-Notebook .jp-CodeCell .cm-content").last
    editor.click()
    expect(editor).to_be_focused()
    page.keyboard.type(code, delay=10)
    expect(editor).to_have_text(code)
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-OutputArea-output").last).to_contain_text(result, timeout=SLOWLY)
