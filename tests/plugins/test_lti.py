"""ltiauthenticator, from PyPI as it is: launches from a learning platform written for these tests."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.integration.conftest import MakeHub
from tests.plugins.environments import environment
from tests.plugins.oauth_provider import Provider, running_provider
from tests.plugins.visitor import Visitor

pytestmark = [pytest.mark.slow, pytest.mark.world]

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
KEY = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})

LTI13 = """
c.JupyterHub.authenticator_class = "ltiauthenticator.lti13.auth.LTI13Authenticator"
c.LTI13Authenticator.issuer = "https://lms.example"
c.LTI13Authenticator.authorize_url = "https://lms.example/authorize"
c.LTI13Authenticator.jwks_endpoint = "PLATFORM/jwks"
c.LTI13Authenticator.client_id = {"the-tool"}
c.LTI13Authenticator.username_key = "email"
c.Authenticator.blocked_users = {"eve@example.org"}
"""
LTI11 = """
c.JupyterHub.authenticator_class = "ltiauthenticator.LTIAuthenticator"
c.LTI11Authenticator.consumers = {"the-key": "the-secret-of-it"}
c.LTI11Authenticator.username_key = "lis_person_contact_email_primary"
"""


@pytest.fixture
def platform() -> Iterator[Provider]:
    with running_provider() as found:
        found.answers["/jwks"] = {"keys": [KEY.as_dict(private=False)]}
        yield found


def test_lti_1_3_login_and_launch(make_hub: MakeHub, platform: Provider):
    hub = make_hub(programs=environment("authenticators"), config=LTI13.replace("PLATFORM", platform.url))
    hub.start()
    student = Visitor(hub)
    asked = begin(student)
    token = signed(asked["nonce"], email="Bob@example.org")
    arrived = student.launch("/hub/lti13/oauth_callback", id_token=token, state=asked["state"])
    assert (arrived.status_code, student.who) == (200, "bob@example.org"), hub.log()[-4000:]

    other = Visitor(hub)
    again = other.launch("/hub/lti13/oauth_callback", id_token=token, state=asked["state"])
    assert again.status_code in (400, 403)
    assert other.who is None

    eve = Visitor(hub)
    asked = begin(eve)
    token = signed(asked["nonce"], email="eve@example.org")
    blocked = eve.launch("/hub/lti13/oauth_callback", id_token=token, state=asked["state"])
    assert (blocked.status_code, eve.who) == (403, None)
    told = student.go("/hub/lti13/config").json()
    assert told["oidc_initiation_url"] == f"{hub.url}/hub/lti13/oauth_login"
    assert token not in hub.log()


def begin(visitor: Visitor) -> dict[str, str]:
    """The login that the platform begins; what the tool asks of it."""
    sent = visitor.launch(
        "/hub/lti13/oauth_login",
        follow=False,
        iss="https://lms.example",
        login_hint="9",
        target_link_uri=f"{visitor.hub.url}/hub/home",
        client_id="the-tool",
        lti_message_hint="m",
    )
    assert sent.status_code == 302, sent.text
    assert sent.headers["Location"].startswith("https://lms.example/authorize?")
    query = parse_qs(urlsplit(sent.headers["Location"]).query)
    return {name: values[0] for name, values in query.items()}


def signed(nonce: str, **more: Any) -> str:
    now = int(time.time())
    claims = {
        "iss": "https://lms.example",
        "aud": "the-tool",
        "sub": "lms-42",
        "nonce": nonce,
        "iat": now,
        "exp": now + 60,
        f"{CLAIM}message_type": "LtiResourceLinkRequest",
        f"{CLAIM}version": "1.3.0",
        f"{CLAIM}deployment_id": "1",
        f"{CLAIM}target_link_uri": "http://127.0.0.1/hub/home",
        f"{CLAIM}resource_link": {"id": "r"},
        f"{CLAIM}roles": [],
    }
    return jwt.encode({"alg": "RS256", "kid": "k1"}, {**claims, **more}, KEY)


def test_lti_1_1_launch(make_hub: MakeHub):
    hub = make_hub(programs=environment("authenticators"), config=LTI11)
    hub.start()
    forged, student = Visitor(hub), Visitor(hub)
    refused = forged.launch("/hub/lti/launch", **launch_fields("n1"), oauth_signature="bm8=")
    assert (refused.status_code, forged.who) == (401, None)
    fields = launch_fields("n2")
    arrived = student.launch("/hub/lti/launch", **fields, oauth_signature=signature(hub.url, fields))
    assert (arrived.status_code, student.who) == (200, "bob@example.org"), hub.log()[-4000:]


def launch_fields(nonce: str) -> dict[str, str]:
    return {
        "oauth_consumer_key": "the-key",
        "oauth_timestamp": str(int(time.time())),
        "oauth_nonce": nonce,
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_version": "1.0",
        "oauth_callback": "about:blank",
        "lti_message_type": "basic-lti-launch-request",
        "lti_version": "LTI-1p0",
        "resource_link_id": "r",
        "user_id": "lti11-7",
        "lis_person_contact_email_primary": "bob@example.org",
        "custom_next": "/hub/home",
    }


def signature(url: str, fields: dict[str, str]) -> str:
    """OAuth 1.0, RFC 5849, section 3.4."""
    pairs = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in sorted(fields.items()))
    base = "&".join(["POST", _quoted(f"{url}/hub/lti/launch"), _quoted(pairs)])
    digest = hmac.new(b"the-secret-of-it&", base.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def _quoted(text: str) -> str:
    return quote(text, safe="~")
