"""Pages of people in the states that come seldom: full, empty, waiting, refused, long; each as it looks.

The pictures are kept in build/screenshots, as those of test_looks.py are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Windows, log_in, running
from tests.browser.test_looks import look_at
from tests.integration.hub import RealHub

pytestmark = pytest.mark.slow

# A hub on which a lot is going on: one start at a time, so that others wait.
BUSY = """
c.JupyterHub.spawner_class = "simulated"
c.Spawner.start_timeout = 600
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0, "slow_stop_timeout": 0}
c.JupyterHub.concurrent_spawn_limit = 4
c.JupyterHub.named_server_limit_per_user = 8
c.JupyterHub.implicit_spawn_seconds = 30
c.JupyterHub.load_groups = {"students": {"users": ["carol"]}}
c.JupyterHub.services = [
    {"name": "grades", "url": "http://127.0.0.1:9", "api_token": "token-of-grades-for-tests",
     "oauth_client_allowed_scopes": ["read:users:name!user", "read:servers!user", "servers!user", "shares!user"]},
]
c.JupyterHub.load_roles = [
    {"name": "user", "scopes": [
        "self", "access:services!service=grades", "shares!user", "read:users:name", "list:groups", "list:users",
    ]},
]
"""

# One that asks before a start, and says something on each page.
ASKING = '''
c.JupyterHub.spawner_class = "simulated"
c.JupyterHub.template_vars = {
    "announcement": "On Friday from 18:00 on the hub is <a href='/'>renewed</a>: please save what you are working on.",
    "login_term_url": "/terms",
}
c.JupyterHub.allow_named_servers = False
c.Authenticator.request_otp = True
HOURS = """<label for="hours">For how many hours?</label><input id="hours" name="hours" type="number" value="2">"""
c.Callboard.spawner_profiles = {
    "small": {"title": "A small server", "description": "2 GB of memory, at once"},
    "large": {
        "title": "A large server for data that does not fit into memory",
        "description": "64 GB of memory and 16 processors; it may take some minutes until there is room for it",
    },
    "gpu": {"title": "A graphics card", "settings": {"options_form": HOURS}},
}
'''

LONG = "a-very-long-name-that-somebody-has-given-to-a-server-because-they-could"


def simulate(**how: object) -> dict[str, object]:
    return {"user_options": {"simulate": how}}


LATELY = simulate(delay=500, progress=[[0, 15, "Found a machine"], [0, 45, "Pulling the image (2 of 5)"]])
KILLED = simulate(die_after=0.1, exit_status=137, progress=[[0, 20, "Loading the kernel"]])
SIGNALLED = simulate(die_after=0.1, exit_status=139)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    with running(RealHub(tmp_path_factory.mktemp("busy"), config=BUSY)) as hub:
        for name in ("alice", "bob", "carol", "dora", "emil", "fay", "gus", "hal", "ida", "jo", LONG[:40]):
            hub.add_user(name)
        for number in range(4):
            hub.api("PUT", f"/users/hal/servers/wait-{number}")
            hub.begin("hal", f"wait-{number}", json=LATELY)
        for name in ("alice", "bob"):
            hub.begin(name, json=LATELY)  # waits
        _fill_up(hub)
        yield hub


def _fill_up(hub: RealHub) -> None:
    """Somebody with as many servers as they may have."""
    for number in range(8):
        title = LONG.replace("-", " ") if number == 3 else f"Exercise {number + 1}"
        hub.api("PUT", f"/users/dora/servers/exercise-{number + 1}", json={"display_name": title})


def _make_room(hub: RealHub) -> None:
    """Nobody has to wait any more."""
    for number in range(4):
        hub.end("hal", f"wait-{number}")


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    with running(RealHub(tmp_path_factory.mktemp("asking"), config=ASKING)) as hub:
        yield hub


def window(windows: Windows, hub: RealHub, mode: str, locale: str = "en-US") -> Page:
    scheme = "dark" if mode == "dark" else "light"
    return windows.context(phone=mode == "phone", scheme=scheme, url=hub.url, locale=locale).new_page()


MODES = pytest.mark.parametrize("mode", ["light", "dark", "phone"])


@MODES
def test_who_waits_for_a_turn(busy: RealHub, windows: Windows, mode: str) -> None:
    page = window(windows, busy, mode)
    log_in(page, "alice", "/hub/home")
    page.goto("/hub/home")
    look_at(page, f"home-queued-{mode}")
    page.goto("/hub/spawn-pending/alice")
    expect(page.locator("#progress-message")).to_contain_text("number")
    look_at(page, f"spawn-queued-{mode}")
    page = window(windows, busy, mode)
    log_in(page, "hal", "/hub/home")
    page.goto("/hub/spawn-pending/hal/wait-1")
    expect(page.locator("#progress-message")).to_contain_text("Pulling")
    page.click("#progress-details summary")
    look_at(page, f"spawn-unfolded-{mode}")
    page.goto("/hub/home")
    look_at(page, f"home-starting-{mode}")


@MODES
def test_who_has_as_many_as_they_may(busy: RealHub, windows: Windows, mode: str) -> None:
    page = window(windows, busy, mode)
    log_in(page, "dora", "/hub/home")
    look_at(page, f"home-full-{mode}")


@MODES
def test_what_is_refused(busy: RealHub, windows: Windows, mode: str) -> None:
    page = window(windows, busy, mode)
    page.goto("/hub/login")
    page.fill("#username_input", "alice!/")
    page.click("#login_submit")
    look_at(page, f"login-failed-{mode}")
    log_in(page, "carol", "/hub/token")
    page.goto("/hub/admin")
    look_at(page, f"error-403-{mode}")
    page.goto("/hub/error/500")
    look_at(page, f"error-500-{mode}")
    page.goto("/hub/share/carol/nothing")
    look_at(page, f"error-404-server-{mode}")
    page.goto("/hub/token")
    page.fill("#token-scopes", "admin:users admin:servers")
    page.click("#request-token")
    expect(page.locator("#token-error")).to_be_visible()
    look_at(page, f"token-refused-{mode}")


@MODES
def test_tokens_in_use(busy: RealHub, windows: Windows, mode: str) -> None:
    name = f"ida-{mode}"
    busy.add_user(name)
    for note in ("Backup script on my laptop", "CI", LONG):
        busy.api("POST", f"/users/{name}/tokens", json={"note": note, "expires_in": 3600 * 24})
    page = window(windows, busy, mode)
    log_in(page, name, "/hub/token")
    query = "client_id=service-grades&response_type=code&redirect_uri=/services/grades/oauth_callback&state=x"
    page.goto(f"/hub/api/oauth2/authorize?{query}")
    look_at(page, f"consent-scopes-{mode}")
    page.goto("/hub/token")
    page.fill("#token-note", "My script")
    page.click("#request-token")
    page.wait_for_selector("#token-area:not([hidden])")
    look_at(page, f"token-made-{mode}")
    page.locator("summary", has_text="scopes").first.click()
    page.locator(".revoke-token-btn").last.click()
    expect(page.locator("#notice")).to_have_text("Revoked.")
    look_at(page, f"token-revoked-{mode}")


FAILURES = {
    "at-once": simulate(fail="There is no image of that name.", fail_status=400, delay=0),
    "killed": KILLED,
    "signal": SIGNALLED,
    "long": simulate(
        fail="The pod could not be scheduled: 0/12 nodes are available: 3 Insufficient nvidia.com/gpu, "
        "9 node(s) didn't match Pod's node affinity/selector.",
        delay=0,
    ),
}


@MODES
def test_starts_that_failed(busy: RealHub, windows: Windows, mode: str) -> None:
    owner = f"gus-{mode}"
    busy.add_user(owner)
    page = window(windows, busy, mode)
    log_in(page, owner, "/hub/token")
    _make_room(busy)
    for kind, options in FAILURES.items():
        busy.api("PUT", f"/users/{owner}/servers/{kind}")
        busy.begin(owner, kind, json=options)
    page.wait_for_timeout(500)  # those that die have done so by then; who looks at them notices
    for kind in FAILURES:
        page.goto(f"/hub/spawn-pending/{owner}/{kind}")
        look_at(page, f"failed-{kind}-{mode}")
    page.goto("/hub/home")
    look_at(page, f"home-failed-{mode}")
    page.goto(f"/hub/user/{owner}/killed/lab")
    look_at(page, f"not-running-killed-{mode}")


def _expire(hub: RealHub) -> None:
    """All links there are, without waiting for the minute that they last at least."""
    with sqlite3.connect(hub.database) as db:
        db.execute("UPDATE share_codes SET expires_at = '2026-01-01T00:00:00.000000Z'")
    db.close()


@MODES
def test_shares_of_many(busy: RealHub, windows: Windows, mode: str) -> None:
    owner, guest = f"owner-{mode}", f"guest-{mode}"
    for name in (owner, guest):
        busy.add_user(name)
    busy.api("PUT", f"/users/{owner}/servers/lab", json={"display_name": "Lab"})
    busy.api("POST", "/users", json={"usernames": [f"student-{mode}-{number:02}" for number in range(52)]})
    for number in range(52):
        busy.api("POST", f"/shares/{owner}/lab", json={"user": f"student-{mode}-{number:02}"})
    expired = busy.api("POST", f"/share-codes/{owner}/lab", json={"expires_in": 60}).json()["code"]
    _expire(busy)
    code = busy.api("POST", f"/share-codes/{owner}/lab", json={}).json()["code"]
    page = window(windows, busy, mode)
    log_in(page, owner, f"/hub/share/{owner}/lab")
    look_at(page, f"share-many-{mode}")
    visitor = window(windows, busy, mode)
    log_in(visitor, guest, "/hub/home")
    visitor.goto(f"/hub/accept-share?code={expired}")
    look_at(visitor, f"share-link-expired-{mode}")
    visitor.goto("/hub/accept-share")
    look_at(visitor, f"share-link-incomplete-{mode}")
    _make_room(busy)
    busy.begin(owner, "lab")
    busy.wait_ready(owner, "lab")
    visitor.goto(f"/hub/accept-share?code={code}")
    look_at(visitor, f"accept-share-running-{mode}")
    visitor.click("#accept-share")
    visitor.wait_for_url(f"**/user/{owner}/lab/")
    visitor.goto(f"/hub/accept-share?code={code}")
    look_at(visitor, f"accept-share-again-{mode}")
    visitor.goto("/hub/home")
    look_at(visitor, f"home-shared-running-{mode}")
    busy.end(owner, "lab")
    busy.wait_stopped(owner, "lab")
    visitor.goto(f"/hub/user/{owner}/lab/lab")
    look_at(visitor, f"not-running-of-others-{mode}")


@MODES
def test_the_history_of_oneself(busy: RealHub, windows: Windows, mode: str) -> None:
    page = window(windows, busy, mode)
    log_in(page, "dora", "/hub/history")
    page.wait_for_selector("#happened tbody tr")
    look_at(page, f"history-{mode}")
    page = window(windows, busy, mode)
    log_in(page, "jo", "/hub/history")
    page.wait_for_selector("#happened tbody tr")
    look_at(page, f"history-new-{mode}")


@MODES
def test_a_server_that_does_not_answer(busy: RealHub, windows: Windows, mode: str) -> None:
    _make_room(busy)
    busy.begin("fay")
    busy.wait_ready("fay")
    page = window(windows, busy, mode)
    log_in(page, "fay", "/hub/token")
    page.goto("/user/fay/lab")  # nothing listens where a simulated one is said to be
    expect(page.locator("h1")).to_have_text("The server does not answer")
    look_at(page, f"server-away-{mode}")
    busy.end("fay")
    expect(page.locator("h1")).to_have_text("Your server is not running")


@MODES
def test_menus(busy: RealHub, windows: Windows, mode: str) -> None:
    page = window(windows, busy, mode)
    log_in(page, LONG[:40], "/hub/token")
    if mode == "phone":
        page.click("#menu-button")
    page.click(".languages summary")
    look_at(page, f"menu-languages-{mode}")
    page.keyboard.press("Escape")
    page.locator(".dropdown summary").first.click()
    look_at(page, f"menu-services-{mode}")
    page = window(windows, busy, mode)
    page.goto("/hub/login")
    page.click(".languages summary")
    look_at(page, f"login-languages-{mode}")


@MODES
def test_not_running_starts_by_itself(busy: RealHub, windows: Windows, mode: str) -> None:
    page = window(windows, busy, mode)
    log_in(page, "emil", "/hub/token")
    page.goto("/hub/user/emil/lab")
    look_at(page, f"not-running-countdown-{mode}")


@MODES
def test_a_hub_that_asks(asking: RealHub, windows: Windows, mode: str) -> None:
    page = window(windows, asking, mode)
    page.goto("/hub/login")
    look_at(page, f"login-otp-{mode}")
    page.fill("#username_input", "alice")
    page.fill("#password_input", "any")
    page.check("#login_terms_checkbox")
    page.click("#login_submit")
    page.wait_for_url("**/hub/spawn**")
    look_at(page, f"spawn-profiles-{mode}")
    page.goto("/hub/home")
    look_at(page, f"home-announcement-{mode}")
    page.goto("/hub/spawn")
    page.check("[value=gpu]")
    page.click("#start-button")
    expect(page.locator("#hours")).to_be_visible()
    look_at(page, f"spawn-profile-form-{mode}")


@pytest.mark.parametrize("width", [360, 600, 720, 768, 834, 1024])
def test_pages_fit_into_a_window_of_any_width(busy: RealHub, windows: Windows, width: int) -> None:
    page = windows.context(url=busy.url, locale="de-DE").new_page()
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/hub/login")
    look_at(page, f"login-{width}")
    log_in(page, "dora", "/hub/token")
    for name in ("home", "token", "share/dora/exercise-4"):
        page.goto(f"/hub/{name}")
        look_at(page, f"{name.partition('/')[0]}-{width}")


# --- what needs a hub of its own ---

ELSEWHERE = """
c.JupyterHub.authenticator_class = "oidc"
c.OIDCAuthenticator.issuer = "https://login.example/realms/campus"
c.OIDCAuthenticator.client_id = "callboard"
c.OIDCAuthenticator.client_secret = "a-secret-of-tests"
c.OIDCAuthenticator.login_service = "the University of Somewhere and its Institutes"
"""


def test_logging_in_and_out_elsewhere(tmp_path: Path, windows: Windows) -> None:
    with running(RealHub(tmp_path / "hub", config=ELSEWHERE)) as hub:
        for mode in ("light", "dark", "phone"):
            page = window(windows, hub, mode)
            page.goto("/hub/login")
            expect(page.locator("#login_submit")).to_contain_text("Log in with")
            look_at(page, f"login-elsewhere-{mode}")
            page.goto("/hub/oauth_callback?error=access_denied&state=x")
            look_at(page, f"login-elsewhere-refused-{mode}")
        hub.configure(f"{ELSEWHERE}c.Authenticator.auto_login = True\n")
        hub.restart()
        for mode in ("light", "dark", "phone"):
            page = window(windows, hub, mode)
            page.goto("/hub/logout")
            expect(page.locator("h1")).to_have_text("You are logged out")
            look_at(page, f"logged-out-{mode}")


def test_a_hub_that_is_away_and_a_server_that_is_gone_with_it(tmp_path: Path, windows: Windows) -> None:
    config = f"{BUSY}c.JupyterHub.cleanup_servers = False\nc.JupyterHub.cleanup_proxy = False\n"
    with running(RealHub(tmp_path / "hub", config=config)) as hub:
        hub.add_user("alice")
        hub.begin("alice", json=simulate(unreachable_from=0.5))
        pages = {mode: window(windows, hub, mode) for mode in ("light", "dark", "phone")}
        for page in pages.values():
            log_in(page, "alice", "/hub/token")
            page.goto("/hub/home")
        hub.kill()
        for mode, page in pages.items():
            expect(page.locator("#away")).to_be_visible()
            look_at(page, f"home-away-{mode}")
            page.goto("/hub/token")
            expect(page.locator("h1")).to_have_text("The hub is away for a moment")
            look_at(page, f"away-{mode}")
        hub.start()
        for mode, page in pages.items():
            page.goto("/hub/home")
            look_at(page, f"home-gone-{mode}")
            page.goto("/hub/spawn-pending/alice")
            look_at(page, f"gone-{mode}")
