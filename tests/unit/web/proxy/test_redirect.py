"""Plain http that is sent on to https: what is answered, and who may ask for it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click
import pytest

from core.settings import ConfigError, ProxySettings, Settings
from spawners.configuration import load_settings
from tests.unit.web.proxy.test_command import settings
from web.http1.listen import Listeners
from web.http1.request import parse_request
from web.proxies.free_address import ProxyError, check_redirect_free
from web.proxies.own import OwnProgram
from web.proxy import answers

TLS = 'c.JupyterHub.ssl_key, c.JupyterHub.ssl_cert = "k", "c"; c.JupyterHub.bind_url = "https://:8443"\n'
COMMAND = "c.ConfigurableHTTPProxy.command = "


@pytest.mark.parametrize(
    ("host", "target", "port", "location"),
    [
        ("hub.example", "/", 443, "https://hub.example/"),
        ("hub.example:80", "/user/alice/lab?a=b", 443, "https://hub.example/user/alice/lab?a=b"),
        ("hub.example", "/", 8443, "https://hub.example:8443/"),
        ("hub.example:8080", "/", 8443, "https://hub.example:8443/"),
        ("[::1]:80", "/a", 443, "https://[::1]/a"),
        ("[::1]", "/a", 8443, "https://[::1]:8443/a"),
        ("hub.example", "//evil.example/", 443, "https://hub.example//evil.example/"),
        ("hub.example", "http://hub.example/a", 443, "https://hub.example/a"),
    ],
)
def test_where_one_is_sent(host: str, target: str, port: int, location: str) -> None:
    request = parse_request(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    head = answers.https_redirect(port, request, closes=False)
    assert head.startswith(b"HTTP/1.1 301 ")
    assert f"\r\nLocation: {location}\r\n".encode() in head


@pytest.mark.parametrize(
    ("method", "status"), [("GET", 301), ("HEAD", 301), ("POST", 308), ("DELETE", 308), ("OPTIONS", 308)]
)
def test_the_method_stays(method: str, status: int) -> None:
    request = parse_request(f"{method} / HTTP/1.1\r\nHost: h\r\n\r\n".encode())
    assert answers.https_redirect(443, request, closes=True).startswith(b"HTTP/1.1 %d " % status)


def test_who_names_no_host_is_sent_nowhere() -> None:
    answer = answers.https_redirect(443, parse_request(b"GET / HTTP/1.0\r\n\r\n"), closes=True)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Location" not in answer


@pytest.mark.parametrize(
    ("arguments", "listens", "port"),
    [
        (("--bind-url", "https://:8443"), "", 8443),
        (("--bind-url", "https://:8443", "--redirect-port", "80"), "http://:80", 8443),
        (("--bind-url", "https://10.0.0.1", "--redirect-port", "80"), "http://10.0.0.1:80", 443),
        (("--bind-url", "https://[::1]:1", "--redirect-port", "80"), "http://[::1]:80", 1),
        (("--bind-url", "https://:8443", "--redirect-port", "80", "--redirect-to", "443"), "http://:80", 443),
        (("--bind-url", "https://:0", "--redirect-port", "443"), "http://:443", 0),
    ],
)
def test_the_proxys_command_says_so(arguments: tuple[str, ...], listens: str, port: int) -> None:
    found = settings("--ssl-key", "k", "--ssl-cert", "c", *arguments)
    assert (found.redirect_url, found.https_port) == (listens, port)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--redirect-port", "80"),  # to no https
        ("--redirect-port", "8443", "--ssl-cert", "c", "--bind-url", "https://:8443"),
        ("--redirect-port", "443", "--ssl-cert", "c", "--bind-url", "https://hub"),
        ("--redirect-port", "80", "--ssl-cert", "c", "--bind-url", "http+unix://%2Fhub"),
    ],
)
def test_what_cannot_be_is_refused(arguments: tuple[str, ...]) -> None:
    with pytest.raises(click.UsageError, match="--redirect-port"):
        settings(*arguments)


def load(tmp_path: Path, lines: str) -> tuple[Settings, list[str]]:
    file = tmp_path / "hub.py"
    file.write_text(lines)
    found, notes = load_settings([file], [])
    return found, [f"{note.name}: {note.text}" for note in notes]


@pytest.mark.parametrize(
    ("lines", "port", "to"),
    [
        ("c.Proxy.redirect_port = 80", 80, 0),
        ("c.Proxy.redirect_port, c.Proxy.redirect_to = 80, 443", 80, 443),
        (COMMAND + '["configurable-http-proxy", "--redirect-port", "80"]', 80, 0),
        (COMMAND + '["configurable-http-proxy", "--redirect-port=80", "--redirect-to", "443"]', 80, 443),
        (COMMAND + '["chp", "--redirect-port", "80"]; c.Proxy.redirect_port = 81', 81, 0),
        (COMMAND + '"configurable-http-proxy"', 0, 0),
        ('c.JupyterHub.bind_url = "https://:0"; c.Proxy.redirect_port = 443', 443, 0),
    ],
)
def test_a_configuration_says_so_in_its_own_words_or_in_those_of_jupyterhubs_proxy(
    tmp_path: Path, lines: str, port: int, to: int
) -> None:
    found, notes = load(tmp_path, TLS + lines)
    assert (found.proxy.redirect_port, found.proxy.redirect_to) == (port, to)
    assert notes == []
    arguments = OwnProgram(found, "http://127.0.0.1:8081", "secret").arguments()
    assert (f"--redirect-port={port}" in arguments) is (port > 0)
    assert (f"--redirect-to={to}" in arguments) is (port > 0)


def test_what_else_the_command_says_is_told_not_to_act(tmp_path: Path) -> None:
    lines = COMMAND + '["chp", "--log-level", "debug", "--redirect-port", "80", "--timeout=5"]'
    found, notes = load(tmp_path, TLS + lines)
    assert found.proxy.redirect_port == 80
    assert notes == [
        f"c.ConfigurableHTTPProxy.command['{option}']: the hub brings its own proxy"
        for option in ("--log-level", "--timeout")
    ]


@pytest.mark.parametrize(
    "lines", ["c.Proxy.redirect_port = 80", COMMAND + '["chp", "--redirect-port", "80"]']
)
def test_without_https_nobody_is_sent_there(tmp_path: Path, lines: str) -> None:
    found, notes = load(tmp_path, lines)
    assert found.proxy.redirect_port == 0
    assert len(notes) == 1
    assert "there is no https to redirect to" in notes[0]


@pytest.mark.parametrize(
    "lines",
    [
        "c.Proxy.redirect_port = 8443",
        "c.Proxy.redirect_port = 70000",
        COMMAND + '["chp", "--redirect-port", "x"]',
        COMMAND + '["chp", "--redirect-port"]',
    ],
)
def test_a_port_that_cannot_be_is_refused_in_one_line(tmp_path: Path, lines: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, TLS + lines)
    assert "\n" not in str(refused.value)


def test_a_port_that_is_taken_is_named() -> None:
    """Proxies share their ports, so another would be let in."""
    taken = Listeners("http://127.0.0.1:0")
    port = int(taken.address.rpartition(":")[2])
    check = partial(check_redirect_free, Settings(proxy=ProxySettings(redirect_port=port)))
    try:
        with pytest.raises(ProxyError, match=rf"{port} \(c.Proxy.redirect_port\)"):
            check()
    finally:
        taken.close()
    check()
