"""A form that does not count says why and what to set: to who is before it, and in the log."""

from __future__ import annotations

import itertools
import logging
from typing import Any

import pytest

from tests.conftest import hub_in_memory, settings_for_tests
from tests.unit.web.pages.browser import NAVIGATES, Browser, logged_in
from tests.unit.web.pages.html import read
from web.request.sent.refused_forms import SentForm, why_refused

OUTER = "http://campus.example"
INNER = "http://10.0.0.7:8000"


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (
            SentForm(True, OUTER, INNER, base_url="/jupyter/"),
            [OUTER, INNER, 'c.JupyterHub.public_url = "http://campus.example/jupyter/"', "pass Host on"],
        ),
        (SentForm(True, OUTER, INNER, is_configured=True), [OUTER, INNER, "c.JupyterHub.public_url"]),
        (SentForm(True, "null", INNER), ["does not name", INNER, "c.JupyterHub.public_url"]),
        (SentForm(True, "", INNER), ["does not name", INNER, "c.JupyterHub.public_url"]),
        (SentForm(False, OUTER, OUTER), ["no longer valid", "try again"]),
        (SentForm(False, OUTER, OUTER, cookie_came=False), ["cookie", "allow cookies"]),
        (
            SentForm(False, OUTER, "https://hub.example", cookie_came=False, only_https=True),
            ["cookie", "https alone", "https://hub.example", "X-Forwarded-Proto", "c.JupyterHub.public_url"],
        ),
        (SentForm(False, "", INNER, False, only_https=True, by_https=True), ["allow cookies"]),
    ],
)
def test_it_says_what_was_seen_what_was_expected_and_what_to_set(form: SentForm, said: list[str]) -> None:
    found = why_refused(form)
    assert [part for part in said if part not in found] == []


def test_there_is_always_something_to_do_about_it() -> None:
    flags = itertools.product((True, False), repeat=5)
    for (foreign, cookie, only, by, configured), seen in itertools.product(flags, ("", "null", OUTER)):
        found = why_refused(SentForm(foreign, seen, INNER, cookie, only, by, "/", configured))
        assert any(word in found for word in ("c.JupyterHub.public_url", "try again", "try once more"))
    assert len(why_refused(SentForm(True, "x" * 60_000, INNER))) < 1000


WAYS: dict[str, tuple[dict[str, Any], dict[str, str], list[str]]] = {
    "a proxy that keeps no Host": (
        {},
        {"Origin": OUTER},
        [OUTER, "http://hub.test", 'c.JupyterHub.public_url = "http://campus.example/"'],
    ),
    "another public_url": (
        {"public_url": "http://hub.example/"},
        {"Origin": OUTER},
        [OUTER, "http://hub.example", "c.JupyterHub.public_url"],
    ),
    "another site": (
        {},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        ["http://hub.test", "c.JupyterHub.public_url"],
    ),
    "no cookie": ({}, {"Cookie": "x=y"}, ["cookie", "allow cookies"]),
    "https in public_url, http in fact": (
        {"public_url": "https://hub.example/"},
        {"Cookie": "x=y", "Origin": "http://hub.example"},
        ["https alone", "https://hub.example", "X-Forwarded-Proto", "c.JupyterHub.public_url"],
    ),
}


@pytest.mark.parametrize("way", WAYS)
async def test_page_and_log_say_the_same(way: str, caplog: pytest.LogCaptureFixture) -> None:
    hub_settings, headers, said = WAYS[way]
    async with hub_in_memory(settings_for_tests(**hub_settings)) as hub, Browser(hub) as browser:
        form = read((await browser.get("/hub/login", headers=NAVIGATES)).text)
        fields = {
            "username": "alice",
            "password": "s3cret",
            "_xsrf": form.one("input", name="_xsrf")["value"],
        }
        answer = await browser.post("/hub/login", data=fields, headers=headers)
        assert answer.status_code == 403
        shown = read(answer.text).one("p", id_="login-error").text
        (line,) = [one.getMessage() for one in caplog.records if "login form" in one.getMessage()]
        assert line.endswith(shown)
        assert [part for part in said if part not in shown] == []
        assert "s3cret" not in caplog.text
        assert hub.store.db.execute("SELECT count(*) FROM sessions").fetchone() == (0,)


async def test_other_forms_say_it_too(hub: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    browser = await logged_in(hub)
    answer = await browser.post("/hub/spawn", data={"_xsrf": browser.xsrf}, headers={"Origin": OUTER})
    assert answer.status_code == 403
    assert OUTER in answer.text
    assert "c.JupyterHub.public_url" in answer.text
