"""Static files, the logo and the icon."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from tests.conftest import hub_in_memory, settings_for_tests
from tests.unit.web.pages.browser import Browser
from tests.unit.web.pages.html import shown
from web.hub.hub import Hub
from web.presentation import static_files, templates_found


async def test_a_static_file_is_kept_for_ever_where_its_url_says_which_version(hub: Hub) -> None:
    async with Browser(hub) as browser:
        url = hub.presentation.static_url("css/style.css")
        assert re.fullmatch(r"/hub/static/css/style\.css\?v=[0-9a-f]{20}", url)
        answer = await browser.get(url)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/css")
        assert "max-age=315360000" in answer.headers["cache-control"]
        assert "content-security-policy" not in answer.headers
        plain = await browser.get("/hub/static/css/style.css")
        assert plain.headers["cache-control"] == "no-cache"
        again = await browser.get(
            "/hub/static/css/style.css", headers={"If-None-Match": plain.headers["etag"]}
        )
        assert (again.status_code, again.content) == (304, b"")


async def test_a_static_file_comes_packed_to_who_can_unpack_it(hub: Hub) -> None:
    async with Browser(hub) as browser:
        plain = await browser.get("/hub/static/css/style.css", headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
        async with browser.stream("GET", "/hub/static/css/style.css") as packed:
            raw = b"".join([piece async for piece in packed.aiter_raw()])
        assert packed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(raw) == plain.content


async def test_scripts_import_each_other_in_the_same_version(hub: Hub) -> None:
    version = hub.presentation.static.version.encode()
    for path in (static_files.OURS / "js").glob("*.js"):
        served = hub.presentation.static.get(f"js/{path.name}")
        assert served is not None
        for imported in re.findall(rb"""(?:from|import)\s*["'](\./[^"']+)["']""", served.content):
            assert imported.endswith(b"?v=" + version)
            assert (static_files.OURS / "js" / imported.decode().partition("?")[0]).is_file()


async def test_head_is_answered_for_files_and_for_nothing_else(hub: Hub) -> None:
    async with Browser(hub) as browser:
        for path in ("/hub/logo", "/hub/static/js/page.js"):
            answer = await browser.head(path)
            assert (answer.status_code, answer.content) == (200, b"")
            assert int(answer.headers["content-length"]) > 100
        assert (await browser.head("/hub/error/404")).status_code == 405


@pytest.mark.parametrize("path", ["nothing.css", "../render.py", "%2e%2e/render.py", "css", "", "css/"])
async def test_what_is_no_static_file_is_not_found(hub: Hub, path: str) -> None:
    async with Browser(hub) as browser:
        assert (await browser.get(f"/hub/static/{path}")).status_code == 404


@pytest.mark.parametrize("path", ["/favicon.ico", "/hub/favicon.ico"])
async def test_there_is_an_icon(hub: Hub, path: str) -> None:
    async with Browser(hub) as browser:
        answer = await browser.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/x-icon")


async def test_the_logo_and_static_files_may_be_an_administrators_own(tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(b"a picture")
    (tmp_path / "static/css").mkdir(parents=True)
    (tmp_path / "static/css/theme.css").write_text("/* theirs */")
    settings = settings_for_tests(logo_file=str(tmp_path / "logo.png"), data_files_path=str(tmp_path))
    async with hub_in_memory(settings) as hub, Browser(hub) as browser:
        logo = await browser.get("/hub/logo")
        assert (logo.content, logo.headers["content-type"]) == (b"a picture", "image/png")
        assert (await browser.get("/hub/static/css/theme.css")).text == "/* theirs */"
        assert (await browser.get("/hub/static/css/style.css")).status_code == 200
        page = await shown(browser, "/hub/error/404")
        assert page.one("img", class_="jpy-logo")["alt"] == "Home"


@pytest.mark.parametrize("place", ["/nowhere/logo.png", "/", "/proc/self/mem", "\0"])
async def test_a_logo_that_cannot_be_read_is_said_and_the_usual_one_is_shown(
    place: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_for_tests(logo_file=place)
    async with hub_in_memory(settings) as hub, Browser(hub) as browser:
        assert [one.levelname for one in caplog.records if "c.JupyterHub.logo_file" in one.message] == [
            "WARNING"
        ]
        assert (await browser.get("/hub/logo")).headers["content-type"] == "image/svg+xml"
        page = await shown(browser, "/hub/error/404")
        assert page.one("img", class_="jpy-logo")["alt"] == ""


def test_no_template_of_ours_has_a_script_a_style_or_a_handler_of_its_own_or_trusts_what_it_shows() -> None:
    for path in templates_found.OURS.glob("*.html"):
        if path.name.startswith("proxy_"):  # it stands alone, and its policy names its script by digest
            continue
        text = path.read_text()
        for script in re.findall(r"<script([^>]*)>", text):
            assert "src=" in script or 'type="application/json"' in script, (path.name, script)
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text), path.name
        assert not re.search(r"\|\s*safe\b|autoescape", text), path.name
