"""Host names from names. The expected ones are JupyterHub 6.1.1's, unless a line says otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from core.naming.subdomains import LONGEST_LABEL, Kind, by_idna, by_legacy, checked


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("alice", "alice.hub.test"),
        ("alice-b", "alice-b.hub.test"),
        ("0x", "0x.hub.test"),
        ("josé", "xn--jos-dma.hub.test"),
        ("straße", "xn--strae-oqa.hub.test"),
        ("日本語", "xn--wgv71a119e.hub.test"),
        ("x" * 63, f"{'x' * 63}.hub.test"),
        # too long, and too long once it is encoded
        ("x" * 64, "u-xxxxxxxx--7ce1009.hub.test"),
        ("é" * 60, "u-x--f989aaf.hub.test"),
        # not of one label, or not of DNS
        ("alice.b", "u-aliceb--9f5eb4f.hub.test"),
        ("alice_b", "u-aliceb--ea2c7da.hub.test"),
        ("bob@example.org", "u-bobexamp--686b5e4.hub.test"),
        ("a b", "u-ab--c8687a0.hub.test"),
        ("_", "u-x--d2e2adf.hub.test"),
        ("-alice", "u-alice--6994082.hub.test"),
        ("alice-", "u-alice--e2c101b.hub.test"),
        ("123", "u-123--a665a45.hub.test"),
        ("José", "u-jos--24c2ab6.hub.test"),
        ("🙂", "u-x--d06f152.hub.test"),
        # might be taken for what stands for another name
        ("a--b", "u-ab--90827a2.hub.test"),
        ("web--service", "u-webservi--5123fbf.hub.test"),
        ("xn--bcher-kva", "u-xnbcherk--f118d5c.hub.test"),
        # JupyterHub keeps the capital, which browsers do not
        ("Alice", "alice.hub.test"),
    ],
)
def test_users_by_idna(name: str, host: str) -> None:
    assert by_idna(name, "hub.test", "user") == host


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("web", "web--service.hub.test"),
        ("bücher", "xn--bcher-kva--service.hub.test"),
        ("web_1", "u-web1--c703c3b--service.hub.test"),
        ("x" * 54, f"{'x' * 54}--service.hub.test"),
        # JupyterHub's would have more characters than a label may have
        ("x" * 55, "u-xxxxxxxx--d5e2856--service.hub.test"),
    ],
)
def test_services_by_idna(name: str, host: str) -> None:
    assert by_idna(name, "hub.test", "service") == host
    assert len(host.partition(".")[0]) <= LONGEST_LABEL


@pytest.mark.parametrize(
    ("name", "kind", "host"),
    [
        ("alice", "user", "alice.hub.test"),
        ("Alice", "user", "alice.hub.test"),
        ("alice_b", "user", "alice_5fb.hub.test"),
        ("bob@example.org", "user", "bob_40example.org.hub.test"),
        ("josé", "user", "jos_c3_a9.hub.test"),
        ("a~b", "user", "a_7eb.hub.test"),
        ("web", "service", "services.hub.test"),
        ("other", "service", "services.hub.test"),
    ],
)
def test_by_legacy(name: str, kind: Kind, host: str) -> None:
    assert by_legacy(name, "hub.test", kind) == host


def _fails(name: str, domain: str, kind: str) -> str:
    raise RuntimeError("no such name")


@pytest.mark.parametrize(
    ("hook", "host"),
    [
        (lambda name, domain, kind: f"{kind[0]}-{name}.{domain}", "u-alice.hub.test"),
        (lambda name, domain, kind: f"{name.upper()}.elsewhere.test", "alice.elsewhere.test"),
    ],
)
def test_a_function_of_the_configuration(hook: Any, host: str) -> None:
    assert checked(hook)("alice", "hub.test", "user") == host


@pytest.mark.parametrize(
    "hook", [_fails, lambda *_: None, lambda *_: "", lambda *_: "a/b", lambda *_: "a..b"]
)
def test_what_a_function_cannot_name_has_its_host_by_idna(
    hook: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert checked(hook)("alice", "hub.test", "user") == "alice.hub.test"
    assert "subdomain_hook" in caplog.text
