"""Logging in at a provider: a real hub, its proxy, and a real provider, with nothing but HTTP between them."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.integration.conftest import MakeHub
from tests.integration.hub import RealHub
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, PERSON

pytestmark = pytest.mark.slow

CRYPT_KEY = "5f" * 32


class RealProvider:
    def __init__(self, certificate: str = "") -> None:
        """`certificate`: a file with one and its key; it is its own authority."""
        command = [sys.executable, "-m", "tests.oidc_provider", *filter(None, [certificate])]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.trusted: str | bool = certificate or True
        assert self.process.stdout is not None
        self.issuer = self.process.stdout.readline().strip()

    def set(self, **values: Any) -> None:
        requests.post(f"{self.issuer}/control", json=values, timeout=10).raise_for_status()

    def asked(self) -> list[str]:
        found: list[str] = requests.get(f"{self.issuer}/asked", timeout=10).json()
        return found

    def close(self) -> None:
        self.process.kill()
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def provider() -> Iterator[RealProvider]:
    provider = RealProvider()
    yield provider
    provider.close()


def config(provider: RealProvider, more: str = "") -> str:
    return f"""
c.JupyterHub.authenticator_class = "oidc"
c.OIDCAuthenticator.issuer = "{provider.issuer}"
c.OIDCAuthenticator.client_id = "{CLIENT_ID}"
c.OIDCAuthenticator.client_secret = "{CLIENT_SECRET}"
c.OIDCAuthenticator.request_timeout = 2
c.OIDCAuthenticator.enable_auth_state = True
c.CryptKeeper.keys = ["{CRYPT_KEY}"]
c.JupyterHub.redirect_to_server = False
{more}
"""


@pytest.fixture
def oidc_hub(make_hub: MakeHub, provider: RealProvider) -> RealHub:
    hub = make_hub(config=config(provider))
    hub.start()
    return hub


class Browser(requests.Session):
    """`seen`: all secrets that went through it."""

    def __init__(self, hub: RealHub) -> None:
        super().__init__()
        self.hub = hub
        self.seen: set[str] = set()

    def leave(self, next_url: str = "", *, trusted: str | bool = True) -> str:
        """To the provider; the URL at the hub that it sends the browser back to."""
        answer = self.get(
            f"{self.hub.url}/hub/oauth_login", params={"next": next_url}, allow_redirects=False, timeout=30
        )
        assert answer.status_code == 302, answer.text
        there = requests.get(answer.headers["Location"], allow_redirects=False, timeout=30, verify=trusted)
        back = there.headers["Location"]
        self.seen |= set(re.findall(r"(?:code|state)=([^&]+)", back)) | {c.value or "" for c in self.cookies}
        return back

    def come_back(self, url: str) -> requests.Response:
        answer = self.get(url, allow_redirects=False, timeout=30)
        self.seen |= {c.value or "" for c in self.cookies}
        return answer

    def log_in(self, next_url: str = "") -> requests.Response:
        return self.come_back(self.leave(next_url))

    def is_logged_in(self) -> bool:
        """Who is need not see the login page."""
        return self.get(f"{self.hub.url}/hub/login", allow_redirects=False, timeout=30).status_code == 302


def said_by(answer: requests.Response) -> str:
    return html.unescape(answer.text)


def assert_no_secret(hub: RealHub, browser: Browser) -> None:
    written = hub.log() + "".join(json.dumps(event.payload) for event in hub.events())
    secrets = {CLIENT_SECRET, "access-", "refresh-", "eyJ", *(text for text in browser.seen if len(text) > 8)}
    assert not {secret for secret in secrets if secret in written}


def test_somebody_logs_in_and_is_a_user(oidc_hub, provider):
    browser = Browser(oidc_hub)
    answer = browser.log_in("/hub/token")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/hub/token")
    assert browser.is_logged_in()
    user = oidc_hub.user("bob")
    assert user["admin"] is False
    state = user["auth_state"]
    assert state["oauth_user"]["email"] == PERSON["email"]
    assert state["access_token"].startswith("access-")
    assert "/token" in provider.asked()
    assert_no_secret(oidc_hub, browser)


def test_a_logout_leads_to_where_the_provider_wants_it(make_hub, provider):
    hub = make_hub(config=config(provider, f"c.OAuthenticator.logout_redirect_url = '{provider.issuer}/bye'"))
    hub.start()
    browser = Browser(hub)
    assert browser.log_in().status_code == 302
    answer = browser.come_back(f"{hub.url}/hub/logout")
    assert answer.headers["Location"] == f"{provider.issuer}/bye"
    assert not browser.is_logged_in()


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"claims": {"iss": "https://evil.example"}}, "comes from"),
    ({"claims": {"aud": "other"}}, "audience"),
    ({"claims": {"exp": 1_000_000_000}}, "has expired"),
    ({"claims": {"nbf": 9_000_000_000}}, "not valid yet"),
    ({"claims": {"nonce": "of-another-login"}}, "nonce"),
    ({"claims": {"at_hash": "AAAA"}}, "access token is not the one"),
    ({"fault": "unsigned"}, "not allowed here"),
    ({"fault": "hmac with the public key"}, "not allowed here"),
    ({"fault": "another's key under the same name"}, "signature is wrong"),
    ({"fault": "a key nobody lists"}, "does not list"),
    ({"fault": "denied"}, "did not let you in"),
    ({"person": {"sub": "0001"}}, "no user name in it"),
    ({"userinfo": {**PERSON, "sub": "0002"}}, "somebody else than its ID token"),
]
HONEST = {"fault": "", "claims": {}, "userinfo": None, "person": PERSON}


def test_what_proves_nothing_lets_nobody_in(oidc_hub, provider):
    for lie, said in WRONG:
        provider.set(**{**HONEST, **lie})
        browser = Browser(oidc_hub)
        answer = browser.log_in()
        assert answer.status_code == 403, lie
        assert said in said_by(answer), (lie, answer.text)
        assert not browser.is_logged_in()
        assert_no_secret(oidc_hub, browser)
    assert oidc_hub.api("GET", "/users/bob").status_code == 404
    provider.set(**HONEST)
    assert Browser(oidc_hub).log_in().status_code == 302


def test_an_answer_is_good_once_and_in_one_browser(oidc_hub):
    one, other = Browser(oidc_hub), Browser(oidc_hub)
    back = one.leave()
    other.leave()
    refused = other.come_back(back)
    assert refused.status_code == 403
    assert "another login than this browser's" in said_by(refused)
    stranger = Browser(oidc_hub).come_back(back)
    assert stranger.status_code == 403
    assert "has not begun a login here" in said_by(stranger)
    cookies = one.cookies.copy()
    assert one.come_back(back).status_code == 302
    again = Browser(oidc_hub)
    again.cookies.update(cookies)
    replayed = again.come_back(back)
    assert replayed.status_code == 403
    assert "used already" in said_by(replayed)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("down", "could not be reached"),
        ("slow", "did not answer within 2 seconds"),
        ("huge", "too large an answer"),
    ],
)
def test_a_provider_in_trouble_is_reported_and_the_hub_goes_on(oidc_hub, provider, fault, said):
    browser = Browser(oidc_hub)
    back = browser.leave()
    provider.set(fault=fault)
    answer = browser.come_back(back)
    assert answer.status_code == 503
    assert said in said_by(answer)
    assert oidc_hub.api("GET", "/users").status_code == 200
    assert_no_secret(oidc_hub, browser)
    provider.set(fault="")
    assert Browser(oidc_hub).log_in().status_code == 302


def test_a_provider_that_is_not_there_yet_does_not_keep_the_hub_from_starting(make_hub, provider):
    provider.close()
    hub = make_hub(config=config(provider))
    hub.start()
    answer = hub.request("GET", "/hub/oauth_login", token=None)
    assert answer.status_code == 503
    assert "could not be reached" in answer.text


def test_groups_decide(make_hub, provider):
    more = """
c.Authenticator.allow_all = False
c.OIDCAuthenticator.allowed_groups = {"students"}
c.OIDCAuthenticator.admin_groups = {"staff"}
c.OIDCAuthenticator.manage_groups = True
"""
    hub = make_hub(config=config(provider, more))
    hub.start()
    assert Browser(hub).log_in().status_code == 302
    assert hub.user("bob")["admin"] is True
    assert sorted(hub.user("bob")["groups"]) == ["staff", "students"]
    provider.set(person={**PERSON, "groups": ["students"]})
    assert Browser(hub).log_in().status_code == 302
    assert hub.user("bob")["admin"] is False
    assert hub.user("bob")["groups"] == ["students"]
    provider.set(person={**PERSON, "groups": ["others"]})
    refused = Browser(hub).log_in()
    assert refused.status_code == 403
    assert "may not log in here" in said_by(refused)


def test_a_wrong_setting_stops_the_hub_with_one_line(make_hub, provider):
    hub = make_hub(config=config(provider, "c.OIDCAuthenticator.algorithms = ['none']"))
    found = hub.run_another("-f", str(hub.config_file))
    assert found.returncode == 1
    assert "c.OIDCAuthenticator.algorithms = ['none']: expected some of" in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1


def certificate_for_localhost(directory: Path) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = directory / "provider.pem"
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(file)


@pytest.fixture
def https_provider(tmp_path: Path) -> Iterator[RealProvider]:
    provider = RealProvider(certificate_for_localhost(tmp_path))
    yield provider
    provider.close()


def test_a_certificate_nobody_vouches_for_is_not_trusted(make_hub, https_provider):
    hub = make_hub(config=config(https_provider))
    hub.start()
    answer = hub.request("GET", "/hub/oauth_login", token=None)
    assert answer.status_code == 503
    assert "could not be reached" in said_by(answer)
    assert "CERTIFICATE_VERIFY_FAILED" in hub.log()


@pytest.mark.parametrize("told", ["by the environment", "by the configuration"])
def test_a_certificate_the_administrator_vouches_for_is_trusted(make_hub, https_provider, told):
    trusted = str(https_provider.trusted)
    if told == "by the environment":
        hub = make_hub(config=config(https_provider))
        hub.start(environment={"SSL_CERT_FILE": trusted})
    else:
        hub = make_hub(config=config(https_provider, "c.OIDCAuthenticator.validate_server_cert = False"))
        hub.start()
    browser = Browser(hub)
    assert browser.come_back(browser.leave(trusted=trusted)).status_code == 302
