"""Logging in at a provider, and everything that may be wrong with what comes back."""

from __future__ import annotations

import logging
from typing import Any

import httpx
import pytest
import trio

from core.errors import ForbiddenError, HubError, UnavailableError
from core.naming.user_names import UserNames
from core.plugins.authenticator import RedirectAuthenticator, RefreshingAuthenticator
from tests.conftest import SECRET
from tests.oidc_provider import CLIENT_SECRET, PERSON, Provider
from tests.unit.web.authenticators.oidc.world import CALLBACK, World
from web.authenticators.oidc import make_oidc_authenticator
from web.authenticators.oidc.fetching import MAX_ANSWER
from web.authenticators.oidc.kept import RETRY

PROVIDER = Provider()
KEY = PROVIDER.key  # making one takes a while


@pytest.fixture
def provider() -> Provider:
    return Provider(key=KEY)


@pytest.fixture
def world(provider: Provider) -> World:
    return World(provider)


# --- who is let in ---


async def test_somebody_logs_in_and_goes_on_to_where_they_wanted_to_be(world):
    query, cookie = await world.leave("/hub/spawn?x=1")
    login, next_url = await world.authenticator.finish(CALLBACK, query, cookie)
    assert (login.name, next_url) == ("Bob", "/hub/spawn?x=1")
    assert login.user_info == {"display_name": "Bob B."}
    assert login.auth_state is not None
    assert login.auth_state["oauth_user"]["email"] == PERSON["email"]
    assert login.auth_state["refresh_token"]
    assert world.provider.asked == [
        "/.well-known/openid-configuration", "/authorize", "/token", "/keys", "/userinfo"
    ]  # fmt: skip


async def test_the_description_and_the_keys_are_fetched_once(world):
    await world.log_in()
    await world.log_in()
    assert world.provider.asked.count("/.well-known/openid-configuration") == 1
    assert world.provider.asked.count("/keys") == 1


@pytest.mark.parametrize("is_kept", [True, False])
async def test_logins_are_refreshed_where_the_tokens_for_it_are_kept(provider, is_kept):
    settings = World(provider, login={"enable_auth_state": is_kept}).settings
    made = make_oidc_authenticator(settings, UserNames(), SECRET)
    assert isinstance(made, RedirectAuthenticator)
    assert isinstance(made, RefreshingAuthenticator) is is_kept


async def test_there_is_no_form_to_fill_in(world):
    assert await world.authenticator.authenticate({"username": "bob", "password": "x"}) is None


async def test_the_cookie_is_opaque_and_fits_whatever_the_way_on_is(world):
    redirect = await world.authenticator.begin("/hub/" + "x" * 10_000, CALLBACK)
    assert len(redirect.state_cookie) < 3072
    assert "hub" not in redirect.state_cookie
    assert set(redirect.state_cookie) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
    )


@pytest.mark.parametrize(
    ("settings", "methods"),
    [
        ({}, None),  # as the specification has it: basic
        ({}, ["client_secret_post"]),
        ({"basic_auth": False}, None),
        ({"basic_auth": True}, ["client_secret_post"]),
        ({"oauth_callback_url": "https://elsewhere.example/hub/oauth_callback"}, None),
        ({"issuer": "http://127.0.0.1:9/"}, None),  # a slash too many
        ({"userdata_from_id_token": True}, None),
    ],
)
async def test_other_ways_to_get_there(provider, settings, methods):
    if methods:
        provider.metadata = {"token_endpoint_auth_methods_supported": methods}
    assert (await World(provider, **settings).log_in()).name == "Bob"


async def test_plain_oauth_has_no_id_token_and_asks_who_it_is(provider):
    provider.claims = {"iss": "https://evil.example"}  # not looked at
    urls = {f"{name}_url": f"{provider.issuer}/{path}" for name, path in
            [("authorize", "authorize"), ("token", "token"), ("userdata", "userinfo")]}  # fmt: skip
    login = await World(provider, issuer="", **urls).log_in()
    assert login.name == "Bob"
    assert provider.asked == ["/authorize", "/token", "/userinfo"]


async def test_a_new_key_of_the_provider_is_fetched(world, autojump_clock):
    await world.log_in()
    world.provider.rotate()
    await trio.sleep(RETRY)
    await world.log_in()
    assert world.provider.asked.count("/keys") == 2


async def test_unknown_keys_do_not_make_the_hub_ask_more_often_than_it_should(world, autojump_clock):
    world.provider.fault = "a key nobody lists"
    for _ in range(3):
        with pytest.raises(ForbiddenError, match="does not list"):
            await world.log_in()
    assert world.provider.asked.count("/keys") == 1
    await trio.sleep(RETRY)
    for _ in range(3):
        with pytest.raises(ForbiddenError, match="does not list"):
            await world.log_in()
    assert world.provider.asked.count("/keys") == 2


# --- answers that prove nothing ---


FAULTS = [
    ("unsigned", 'signed with "none", which is not allowed'),
    ("hmac with the public key", 'signed with "HS256", which is not allowed'),
    ("another's key under the same name", "signature is wrong"),
    ("a key nobody lists", "a key that the provider does not list"),
    ("denied", "did not let you in"),
]


@pytest.mark.parametrize(("fault", "said"), FAULTS)
async def test_a_provider_that_misbehaves_is_not_believed(world, fault, said):
    world.provider.fault = fault
    with pytest.raises(ForbiddenError, match=said):
        await world.log_in()


WRONG_CLAIMS: list[tuple[dict[str, Any], str]] = [
    ({"iss": "https://evil.example"}, 'comes from "https://evil.example"'),
    ({"aud": "another-program"}, "audience"),
    ({"aud": ["callboard", "other"]}, "several programs"),
    ({"aud": ["callboard", "other"], "azp": "other"}, "authorized party"),
    ({"exp": 1_000_000_000}, "has expired"),
    ({"nbf": 9_000_000_000}, "not valid yet"),
    ({"iat": 9_000_000_000}, "made in the future"),
    ({"nonce": None}, "nonce"),
    ({"nonce": "of-another-login"}, "nonce"),
    ({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, "access token is not the one"),
    ({"sub": ""}, "who it is about"),
    ({"sub": None}, "malformed"),
    ({"exp": None}, "malformed"),
    ({"exp": "tomorrow"}, "malformed"),
    ({"sub": "0002"}, "about somebody else than its ID token"),
]


@pytest.mark.parametrize(("claims", "said"), WRONG_CLAIMS)
async def test_a_signed_token_that_says_the_wrong_thing_is_not_believed(world, claims, said):
    world.provider.claims = claims
    with pytest.raises(ForbiddenError, match=said):
        await world.log_in()


@pytest.mark.parametrize(
    ("person", "settings", "said"),
    [
        ({"preferred_username": None}, {}, "no user name in it"),
        ({"preferred_username": ""}, {}, "no user name in it"),
        ({"preferred_username": 7}, {}, "no user name in it"),
        ({"preferred_username": "b" * 300}, {}, "too long"),
        ({"email": None}, {"username_claim": "email"}, "no user name in it"),
        ({"email_verified": False}, {"username_claim": "email"}, "not been verified"),
        ({"email_verified": None}, {"username_claim": "email"}, "not been verified"),
        ({"groups": 7}, {"allowed_groups": {"staff"}}, "not a list of names"),
        ({"groups": ["staff", 7]}, {"admin_groups": {"staff"}}, "not a list of names"),
    ],
)
async def test_a_person_about_whom_too_little_is_known_is_refused(provider, person, settings, said):
    provider.person |= person
    with pytest.raises(ForbiddenError, match=said):
        await World(provider, **settings).log_in()


@pytest.mark.parametrize(
    "userinfo", [{**PERSON, "sub": "0002"}, {"preferred_username": "Alice"}, {"sub": None}]
)
async def test_user_information_about_somebody_else_is_refused(world, userinfo):
    world.provider.userinfo = userinfo
    with pytest.raises(ForbiddenError, match="somebody else than its ID token"):
        await world.log_in()


async def test_an_access_token_that_opens_nothing_is_refused(world, monkeypatch):
    query, cookie = await world.leave()
    monkeypatch.setattr(world.provider, "_userinfo", lambda headers: (401, {}, b"{}"))
    with pytest.raises(ForbiddenError, match="status 401"):
        await world.authenticator.finish(CALLBACK, query, cookie)


# --- answers that were meant for another login ---


async def test_an_answer_is_good_once(world):
    query, cookie = await world.leave()
    await world.authenticator.finish(CALLBACK, query, cookie)
    asked = len(world.provider.asked)
    with pytest.raises(ForbiddenError, match="used already"):
        await world.authenticator.finish(CALLBACK, query, cookie)
    assert len(world.provider.asked) == asked


async def test_an_answer_is_good_in_the_browser_that_asked_for_it(world):
    mine, _ = await world.leave()
    _, of_another_browser = await world.leave()
    with pytest.raises(ForbiddenError, match="another login than this browser's"):
        await world.authenticator.finish(CALLBACK, mine, of_another_browser)


@pytest.mark.parametrize(
    ("cookie", "said"),
    [("", "has not begun a login here"), ("x", "not begun here"), ("a.b.c.d.e", "not begun here"),
     ("eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA", "not begun here")],
)  # fmt: skip
async def test_a_cookie_nobody_was_given_is_worth_nothing(world, cookie, said):
    query, _ = await world.leave()
    with pytest.raises(ForbiddenError, match=said):
        await world.authenticator.finish(CALLBACK, query, cookie)


async def test_a_cookie_of_another_hub_is_worth_nothing(world):
    other = World(world.provider)
    other.authenticator = other.authenticator_with(b"x" * 32, other.connect)
    query, cookie = await other.leave()
    with pytest.raises(ForbiddenError, match="not begun here"):
        await world.authenticator.finish(CALLBACK, query, cookie)


async def test_a_code_of_another_login_is_refused_by_the_provider(world):
    """What PKCE is for: somebody has got hold of a code, and brings it with a login of their own."""
    stolen, _ = await world.leave()
    query, cookie = await world.leave()
    with pytest.raises(ForbiddenError, match="does not know of this login"):
        await world.authenticator.finish(CALLBACK, {**query, "code": stolen["code"]}, cookie)


@pytest.mark.parametrize("issuer", ["https://evil.example", None])
async def test_an_answer_that_names_another_provider_is_refused(world, issuer):
    query, cookie = await world.leave()
    changed = {**query, "iss": issuer} if issuer else {k: v for k, v in query.items() if k != "iss"}
    with pytest.raises(ForbiddenError, match="another provider"):
        await world.authenticator.finish(CALLBACK, changed, cookie)


async def test_an_answer_without_a_code_is_refused(world):
    query, cookie = await world.leave()
    with pytest.raises(ForbiddenError, match="neither who you are nor why not"):
        await world.authenticator.finish(CALLBACK, {**query, "code": ""}, cookie)


# --- providers that cannot be asked ---


class Broken:
    """A provider whose every answer is the same."""

    def __init__(self, world: World, *, status: int = 200, body: bytes = b"", headers: Any = None) -> None:
        self.asked = 0

        async def handle(_: httpx.Request) -> httpx.Response:
            self.asked += 1
            return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))

        self.transport = httpx.MockTransport(handle)
        world.authenticator = world.authenticator_with(
            bytes(32), lambda: httpx.AsyncClient(transport=self.transport)
        )


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ({"status": 503}, "status 503"),
        ({"status": 429}, "status 429"),
        ({"status": 404}, "status 404"),
        ({"status": 302, "headers": {"Location": "http://127.0.0.1:9/elsewhere"}}, "status 302"),
        ({"body": b"<html>"}, "makes no sense"),
        ({"body": b"{}"}, "makes no sense"),
        ({"body": b" " * (MAX_ANSWER + 1)}, "too large an answer"),
        ({"body": b"x", "headers": {"Content-Encoding": "gzip"}}, "packed answer"),
    ],
)
async def test_a_broken_provider_is_reported_and_left_alone_for_a_while(world, autojump_clock, reply, said):
    broken = Broken(world, **reply)
    for _ in range(3):
        with pytest.raises(UnavailableError, match=said):
            await world.authenticator.begin("", CALLBACK)
    assert broken.asked == 1
    await trio.sleep(RETRY)
    with pytest.raises(UnavailableError, match=said):
        await world.authenticator.begin("", CALLBACK)
    assert broken.asked == 2


async def test_a_slow_provider_is_given_up(provider, autojump_clock):
    async def wait(_: httpx.Request) -> httpx.Response:
        await trio.sleep_forever()
        raise AssertionError

    world = World(provider)
    world.authenticator = world.authenticator_with(
        bytes(32), lambda: httpx.AsyncClient(transport=httpx.MockTransport(wait))
    )
    with trio.fail_after(11), pytest.raises(UnavailableError, match="did not answer within 10 seconds"):
        await world.authenticator.begin("", CALLBACK)
    refused = 0

    async def come() -> None:
        nonlocal refused
        with pytest.raises(UnavailableError):
            await world.authenticator.begin("", CALLBACK)
        refused += 1

    await trio.sleep(RETRY)
    with trio.fail_after(11):  # all wait for the same answer, and not one after the other
        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(come)
    assert refused == 50


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://login.example/token"},
        {"jwks_uri": "http://login.example/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"userinfo_endpoint": "http://login.example/userinfo"},
    ],
)
async def test_a_description_that_points_somewhere_unsafe_is_not_followed(provider, metadata):
    provider.metadata = metadata
    with pytest.raises(UnavailableError, match=r"describes itself as|not https"):
        await World(provider).log_in()


async def test_a_way_there_that_is_unsafe_is_not_taken(provider):
    provider.metadata = {"authorization_endpoint": "http://login.example/authorize"}
    with pytest.raises(UnavailableError, match="not https"):
        await World(provider).authenticator.begin("", CALLBACK)


@pytest.mark.parametrize(
    "published", [[], [{"kty": "oct", "k": "AAAA", "kid": "first"}], [{"kty": "RSA"}], [{}]]
)
async def test_a_provider_without_usable_keys_is_reported(provider, published):
    provider.published = published
    with pytest.raises(UnavailableError, match="no key that can be used"):
        await World(provider).log_in()


async def test_old_documents_stay_in_use_while_new_ones_cannot_be_had(world, autojump_clock, monkeypatch):
    await world.log_in()
    await trio.sleep(3601)
    monkeypatch.setattr(world.provider, "_description", lambda: {})
    assert (await world.log_in()).name == "Bob"
    assert world.provider.asked.count("/.well-known/openid-configuration") == 2


async def test_a_wrong_secret_is_the_hubs_trouble(provider):
    with pytest.raises(UnavailableError, match="refuses this hub"):
        await World(provider, client_secret="wrong").log_in()


# --- secrets ---


@pytest.mark.parametrize("fault", ["", *(fault for fault, _ in FAULTS)])
@pytest.mark.parametrize("claims", [{}, {"aud": "x"}, {"exp": 1}, {"nonce": "x"}])
async def test_no_secret_is_told_or_logged(provider, caplog, fault, claims):
    provider.fault, provider.claims = fault, claims
    caplog.set_level(logging.DEBUG)
    world = World(provider)
    query, cookie = await world.leave()
    said = ""
    try:
        await world.authenticator.finish(CALLBACK, query, cookie)
    except HubError as error:
        said = error.message
    known = [CLIENT_SECRET, query.get("code", "no code"), cookie, "access-", "refresh-", "eyJ"]
    for text in (said, caplog.text):
        assert not any(secret in text for secret in known)


async def test_what_the_provider_says_is_shown_short_and_on_one_line(world):
    query, cookie = await world.leave()
    with pytest.raises(ForbiddenError) as refusal:
        await world.authenticator.finish(
            CALLBACK, {**query, "error": "odd", "error_description": "a\nb\x1b[31m" + "x" * 999}, cookie
        )
    assert refusal.value.message.isprintable()
    assert len(refusal.value.message) < 300


# --- logins that get old ---


async def test_a_login_is_refreshed_with_its_token(world):
    login = await world.log_in()
    world.provider.person["groups"] = ["staff"]
    again = await world.authenticator.refresh("bob", login.auth_state)
    assert again is not None
    assert again.auth_state["oauth_user"]["groups"] == ["staff"]
    assert again.auth_state["refresh_token"] != login.auth_state["refresh_token"]
    assert world.provider.refreshes == 1


async def test_a_refresh_token_that_was_withdrawn_ends_the_login(world):
    login = await world.log_in()
    assert await world.authenticator.refresh("bob", login.auth_state) is not None
    assert await world.authenticator.refresh("bob", login.auth_state) is None


@pytest.mark.parametrize(
    "changes",
    [{"person": {**PERSON, "preferred_username": "alice"}}, {"person": {**PERSON, "sub": "0002"}},
     {"claims": {"aud": "other"}}, {"claims": {"exp": 1}}, {"fault": "unsigned"}, {"userinfo": {"sub": "0002"}}],
)  # fmt: skip
async def test_a_refresh_that_tells_of_somebody_else_ends_the_login(world, changes):
    login = await world.log_in()
    for name, value in changes.items():
        setattr(world.provider, name, value)
    assert await world.authenticator.refresh("bob", login.auth_state) is None


async def test_without_a_refresh_token_the_access_token_tells(world):
    login = await world.log_in()
    kept = {**login.auth_state, "refresh_token": None}
    again = await world.authenticator.refresh("bob", kept)
    assert again is not None
    assert again.auth_state["access_token"] == kept["access_token"]
    world.provider._access_tokens.clear()
    assert await world.authenticator.refresh("bob", kept) is None


@pytest.mark.parametrize("auth_state", [None, {}, {"access_token": None}])
async def test_a_login_of_which_nothing_was_kept_stands(world, auth_state):
    with pytest.raises(UnavailableError):
        await world.authenticator.refresh("bob", auth_state)


async def test_a_provider_that_is_down_ends_no_login(world, monkeypatch):
    login = await world.log_in()
    monkeypatch.setattr(world.provider, "_token", lambda *_: (503, {}, b""))
    with pytest.raises(UnavailableError, match="answered with status 503"):
        await world.authenticator.refresh("bob", login.auth_state)


async def test_what_a_refresh_leaves_out_stays_as_it_was(world):
    login = await world.log_in()
    world.provider.left_out = ["refresh_token", "id_token"]
    world.provider.userinfo = {"sub": PERSON["sub"]}  # the name is in the ID token alone
    again = await world.authenticator.refresh("bob", login.auth_state)
    assert again is not None
    for kept in ("refresh_token", "id_token", "id_claims"):
        assert again.auth_state[kept] == login.auth_state[kept]
    assert again.auth_state["access_token"] != login.auth_state["access_token"]


async def test_a_refresh_without_an_id_token_is_about_the_same_person_as_the_login(world):
    login = await world.log_in()
    world.provider.left_out = ["id_token"]
    world.provider.userinfo = {**PERSON, "sub": "0002"}
    assert await world.authenticator.refresh("bob", login.auth_state) is None


async def test_an_answer_without_an_id_token_proves_nothing(world, monkeypatch):
    grant = world.provider._grant
    monkeypatch.setattr(world.provider, "_grant", lambda nonce: {**grant(nonce), "id_token": None})
    with pytest.raises(ForbiddenError, match="no ID token in it"):
        await world.log_in()
