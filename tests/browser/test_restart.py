"""A JupyterLab that stays open while its server is stopped, by a culler or by somebody else, and is started again."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, Response, expect

from tests.browser.conftest import Windows, log_in, running
from tests.browser.jupyterlab import JUPYTERLAB, SLOWLY, open_a_notebook, run_a_cell, start
from tests.integration.hub import RealHub

pytestmark = pytest.mark.slow


def test_an_open_jupyterlab_offers_to_restart_its_server(tmp_path: Path, windows: Windows) -> None:
    with running(RealHub(tmp_path / "hub", cmd=JUPYTERLAB)) as hub:
        context = windows.context(url=hub.url)
        page = context.new_page()
        log_in(page, "alice")
        start(page)
        run_a_cell(page, "6 * 7", "42")
        answers = _answers_of_hub(page)

        assert hub.end("alice").status_code in (202, 204)
        hub.wait_stopped("alice", timeout=SLOWLY / 1000)
        dialog = page.locator(".jp-Dialog", has_text="Server unavailable or unreachable")
        expect(dialog).to_be_visible(timeout=SLOWLY)
        assert set(answers) == {424}

        with context.expect_page() as opened:
            dialog.get_by_role("button", name="Restart").click()
        again = opened.value
        again.wait_for_url("**/user/alice/lab**", timeout=SLOWLY)
        hub.wait_ready("alice", timeout=SLOWLY / 1000)
        open_a_notebook(again)
        run_a_cell(again, "'here ' + 'again'", "here again")


def _answers_of_hub(page: Page) -> list[int]:
    """The statuses of what the hub answers to a page's scripts in place of its server, as they come."""
    statuses: list[int] = []

    def note(response: Response) -> None:
        if "/hub/user/" in response.url:
            statuses.append(response.status)

    page.on("response", note)
    return statuses
