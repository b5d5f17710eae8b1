"""Templates written for JupyterHub, in a real browser: its own as they are, and some of an administrator's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyterhub._data import DATA_FILES_PATH
from playwright.sync_api import Page, expect

from tests.browser.conftest import Windows, log_in, running
from tests.integration.hub import RealHub

pytestmark = pytest.mark.slow

STOCK = Path(DATA_FILES_PATH) / "templates"  # JupyterHub's own
NOT_HERE = ("bootstrap.bundle.min.js", "darkmode.js")  # of what JupyterHub's page.html links to
CONFIG = """
c.JupyterHub.redirect_to_server = False
c.JupyterHub.allow_named_servers = True
c.JupyterHub.template_paths = {paths!r}
"""
HOME = """{% extends "templates/home.html" %}
{% block main %}
<h1 style="color: rgb(1, 2, 3)">Our hub</h1>
{% if default_server.active %}<a id="stop" role="button">Halt</a>{% endif %}
<a id="start" href="{{ url }}">{% if default_server.active %}Enter{% else %}Begin{% endif %}</a>
<p id="told"></p><p id="asked"></p>
{% endblock %}
{% block script %}{{ super() }}
<script>
$("#told").text("jQuery says " + window.jhdata.user);
require(["jquery", "jhapi"], function ($, JHAPI) {
  new JHAPI(window.jhdata.base_url).get_user(window.jhdata.user, {
    success: function (user) { $("#asked").text("the API says " + user.name); },
  });
});
</script>
{% endblock %}"""


@pytest.fixture
def hub(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[RealHub]:
    """Of the templates that the test asks for: JupyterHub's, or those in `templates`."""
    own = tmp_path / "templates"
    own.mkdir()
    paths = [str(STOCK)] if request.param == "JupyterHub's" else [str(own)]
    (own / "home.html").write_text(HOME)
    with running(RealHub(tmp_path / "hub", config=CONFIG.format(paths=paths))) as hub:
        yield hub


def entered(hub: RealHub, windows: Windows, path: str) -> Page:
    page = windows.context(url=hub.url).new_page()
    log_in(page, "alice", path)
    return page


def start_and_stop(hub: RealHub, page: Page) -> None:
    """By the ids of JupyterHub's page."""
    expect(page.locator("#stop")).to_have_count(0)
    page.click("#start")
    page.wait_for_url(lambda url: "/user/alice/" in url and "/hub/" not in url)
    page.goto("/hub/home")
    assert (page.get_attribute("#start", "href") or "").endswith("/user/alice/")
    page.click("#stop")
    expect(page.locator("#stop")).to_have_count(0)
    assert page.get_attribute("#start", "href") == "/hub/spawn/alice"


@pytest.mark.parametrize("hub", ["an administrator's"], indirect=True)
def test_a_page_of_an_administrators_has_libraries_styles_and_buttons(hub: RealHub, windows: Windows) -> None:
    page = entered(hub, windows, "/hub/home")
    expect(page.locator("#told")).to_have_text("jQuery says alice")
    expect(page.locator("#asked")).to_have_text("the API says alice")
    expect(page.locator("h1")).to_have_css("color", "rgb(1, 2, 3)")
    start_and_stop(hub, page)


@pytest.mark.parametrize("hub", ["JupyterHub's"], indirect=True)
def test_jupyterhubs_own_pages_do_what_they_are_there_for(hub: RealHub, windows: Windows) -> None:
    page = entered(hub, windows, "/hub/home")
    start_and_stop(hub, page)

    page.fill(".new-server-name", "My Lab")
    page.click(".new-server-btn")
    row = page.locator('[data-server-name="my-lab"]')
    expect(row).to_contain_text("My Lab")
    row.locator(".start-server").click()
    page.wait_for_url(lambda url: "/user/alice/my-lab/" in url and "/hub/" not in url)
    page.goto("/hub/home")
    page.locator('[data-server-name="my-lab"] .stop-server').click()
    expect(page.locator('[data-server-name="my-lab"] .delete-server:not(.hidden)')).to_have_count(1)
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator('[data-server-name="my-lab"] .delete-server').click()
    expect(page.locator('[data-server-name="my-lab"]')).to_have_count(0)

    page.goto("/hub/token")
    page.fill("#token-note", "backup")
    page.click("#request-token-form button[type=submit]")
    expect(page.locator("#token-result")).not_to_be_empty()
    page.reload()
    row = page.locator("tr.token-row", has_text="backup")
    row.locator(".revoke-token-btn").click()
    expect(row).to_have_count(0)
    page.click("#logout")
    page.wait_for_selector("#username_input")
    windows.complaints[:] = [one for one in windows.complaints if not any(name in one for name in NOT_HERE)]
