"""What the proxy says while the hub is away: a page for people, JSON for programs, and how it is kept."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import msgspec
import pytest

from core.settings import HubSettings
from web.http1.request import Request, parse_request
from web.presentation.away import SERVER_AWAY, away_page, policy_of
from web.presentation.presentation import Presentation
from web.proxy.away import AwayPage
from web.texts.translate import spoken

BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"
SENT = msgspec.json.encode({"html": "<h1>One moment</h1>", "policy": "default-src 'none'"})


def request(path: str, accept: str, method: str = "GET") -> Request:
    return parse_request(
        f"{method} {path} HTTP/1.1\r\nHost: hub.example\r\nAccept: {accept}\r\n\r\n".encode()
    )


@pytest.mark.parametrize(
    ("method", "path", "accept", "content_type"),
    [
        ("GET", "/hub/home", BROWSER, "text/html"),
        ("POST", "/hub/spawn/alice", BROWSER, "text/html"),
        ("GET", "/user/alice/lab", BROWSER, "text/html"),
        ("GET", "/hub/api/oauth2/authorize?client_id=x", BROWSER, "text/html"),
        ("GET", "/hub/api/users", BROWSER, "application/json"),
        ("GET", "/hub/api/users", "*/*", "application/json"),
        ("GET", "/hub/home", "application/json, text/html", "application/json"),
        ("GET", "/hub/home", "*/*", "text/plain"),
        ("GET", "/hub/home", "", "text/plain"),
    ],
)
def test_who_asks_is_answered_in_kind(method: str, path: str, accept: str, content_type: str) -> None:
    page = AwayPage("")
    page.learn(SENT)
    head, _, body = page.answer(request(path, accept, method), closes=False).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    for line in (
        f"Content-Type: {content_type}",
        "Retry-After: 2",
        "X-Callboard-Away: hub",
        "Cache-Control: no-store",
    ):
        assert line.encode() in head
    if content_type == "text/html":
        assert body == b"<h1>One moment</h1>"
    elif content_type == "application/json":
        assert json.loads(body) == {"status": 503, "message": json.loads(body)["message"]}
    else:
        assert body.startswith(b"The hub is away")


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [("de-CH,de;q=0.9", "Moment"), ("nl", "One moment"), ("", "One moment"), ("fr", "One moment")],
)
def test_the_page_is_in_the_language_that_the_browser_wants(wanted: str, shown: str) -> None:
    page = AwayPage("")
    others = {"de": {"html": "<h1>Moment</h1>", "policy": "default-src 'none'; x"}}
    page.learn(
        msgspec.json.encode({"html": "<h1>One moment</h1>", "policy": "default-src 'none'", "others": others})
    )
    asked = parse_request(
        f"GET /hub/home HTTP/1.1\r\nHost: h\r\nAccept: {BROWSER}\r\nAccept-Language: {wanted}\r\n\r\n".encode()
    )
    answer = page.answer(asked, closes=False)
    assert f"<h1>{shown}</h1>".encode() in answer
    assert b"Vary: Accept-Language\r\n" in answer


@pytest.mark.parametrize(
    ("path", "accept", "content_type", "words"),
    [
        ("/user/alice/lab", BROWSER, "text/html", b"<h1>Le serveur</h1>"),
        ("/user/alice/api/contents", BROWSER, "application/json", b'"status": 503'),
        ("/user/alice/lab", "application/json", "application/json", b'"status": 503'),
    ],
)
def test_of_a_server_that_does_not_answer_people_see_a_page(
    path: str, accept: str, content_type: str, words: bytes
) -> None:
    page = AwayPage("")
    french = {"html": "<h1>Le serveur</h1>", "policy": "default-src 'none'"}
    server = {"html": "<h1>The server</h1>", "policy": "default-src 'none'", "others": {"fr": french}}
    page.learn(msgspec.json.encode({"html": "<h1>The hub</h1>", "policy": "x", "server": server}))
    asked = parse_request(
        f"GET {path} HTTP/1.1\r\nHost: h\r\nAccept: {accept}\r\nAccept-Language: fr\r\n\r\n".encode()
    )
    answer = page.server_answer(asked, closes=False)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert f"Content-Type: {content_type}".encode() in answer
    assert words in answer
    assert b"X-Callboard-Away" not in answer


def test_a_hub_that_sends_no_page_for_servers_has_ours() -> None:
    page = AwayPage("")
    page.learn(SENT)
    answer = page.server_answer(request("/user/alice/lab", BROWSER), closes=False)
    assert b"does not answer" in answer
    assert b"text/html" in answer


def test_without_a_page_people_read_a_line() -> None:
    answer = AwayPage("").answer(request("/hub/home", BROWSER), closes=False)
    assert b"Content-Type: text/plain" in answer
    assert answer.endswith(b"reachable.\n")


def test_the_page_is_there_for_the_next_proxy(tmp_path: Path) -> None:
    path = tmp_path / "away.json"
    AwayPage(str(path)).learn(SENT)
    assert b"One moment" in AwayPage(str(path)).answer(request("/hub/home", BROWSER), closes=False)
    assert [file.name for file in tmp_path.iterdir()] == ["away.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"html": 5}'])
def test_what_is_no_page_is_none(tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "away.json"
    path.write_bytes(content)
    assert b"text/plain" in AwayPage(str(path)).answer(request("/hub/home", BROWSER), closes=False)
    assert "cannot be read" in caplog.text


def test_a_page_that_cannot_be_kept_is_shown_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    page = AwayPage(str(tmp_path / "nowhere" / "away.json"))
    page.learn(SENT)
    assert b"One moment" in page.answer(request("/hub/home", BROWSER), closes=False)
    assert "is not kept" in caplog.text


# --- the hub's side ---


def digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_hubs_page_stands_alone_and_its_policy_lets_its_own_style_and_script_through() -> None:
    made = away_page(Presentation(HubSettings()), "/base/")
    assert made is not None
    (style,) = re.findall(r"<style>(.*?)</style>", made["html"], re.DOTALL)
    (script,) = re.findall(r"<script>(.*?)</script>", made["html"], re.DOTALL)
    assert f"style-src {digest(style)};" in made["policy"]
    assert f"script-src {digest(script)};" in made["policy"]
    assert "default-src 'none'" in made["policy"]
    assert '"/base/hub/api/"' in script
    assert not re.findall(r"(?:src|href)=", made["html"])


def test_the_page_for_a_server_looks_at_that_server_and_leads_home() -> None:
    made = away_page(Presentation(HubSettings()), "/base/", SERVER_AWAY)
    assert made is not None
    (script,) = re.findall(r"<script>(.*?)</script>", made["html"], re.DOTALL)
    assert f"script-src {digest(script)};" in made["policy"]
    assert "fetch(location.href" in script
    assert "/hub/api/" not in script
    assert re.findall(r"(?:src|href)=\"([^\"]*)", made["html"]) == ["/base/hub/home"]


@pytest.mark.parametrize(("language", "words"), [("de", "kurz nicht da"), ("fr", "absent un instant")])
def test_the_hubs_page_is_sent_in_every_language(language: str, words: str) -> None:
    made = away_page(Presentation(HubSettings()), "/base/")
    assert made is not None
    page = made["others"][language]
    assert words in page["html"]
    assert f'<html lang="{language}">' in page["html"]
    (script,) = re.findall(r"<script>(.*?)</script>", page["html"], re.DOTALL)
    assert f"script-src {digest(script)};" in page["policy"]
    assert spoken() == "en"


def test_a_page_of_ones_own_that_is_the_same_in_all_languages_is_sent_once(tmp_path: Path) -> None:
    (tmp_path / "proxy_away.html").write_text("<h1>Back soon</h1>")
    made = away_page(Presentation(HubSettings(template_paths=[str(tmp_path)])), "/")
    assert made == {"html": "<h1>Back soon</h1>", "policy": policy_of(""), "others": {}}


def test_a_page_without_scripts_may_have_none() -> None:
    assert "script-src 'none'" in policy_of("<p>Later.</p>")


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        (
            '{% extends "templates/proxy_away.html" %}{% block heading %}<h1>Back at noon</h1>{% endblock %}',
            True,
        ),
        ("<script>tell()</script><h1>Back at noon</h1>", True),
        ("{% if %}", False),
        ("{{ nothing.at.all() }}", False),
    ],
)
def test_an_administrators_own_page(tmp_path: Path, template: str, shown: bool) -> None:
    (tmp_path / "proxy_away.html").write_text(template)
    made = away_page(Presentation(HubSettings(template_paths=[str(tmp_path)])), "/")
    assert (made is not None) == shown
    if made is not None:
        assert "Back at noon" in made["html"]
        for script in re.findall(r"<script[^>]*>(.*?)</script>", made["html"], re.DOTALL):
            assert digest(script) in made["policy"]
