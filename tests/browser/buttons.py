"""Every button of the pages: how one comes to it, where the focus is once it was pressed, and what is said aloud.

A button that is added to a template or a script needs a line here; tests/unit/web/pages/test_buttons.py says which one
is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.integration.hub import RealHub

Prepare = Callable[["RealHub", "Page", str], None]
Finish = Callable[["Page"], None]


class Button(NamedTuple):
    """`path`: where it is, with `{name}` for a user of this line's own, who looks at it, or is looked at by `admin`.

    `focus`: what has the focus in the end; `""` where the button leads to another page. What tells that something has
    happened is `heard`, a pattern for a live region; `leads`, a pattern for the address; `turns`, an attribute of the
    button itself; or else the focus, which has gone to or come back from a dialog.
    """

    path: str
    focus: str = ""
    heard: str = ""
    leads: str = ""
    turns: tuple[str, str] | None = None
    press: str = ""
    before: Prepare | None = None
    after: Finish | None = None
    phone: bool = False

    @property
    def by_admin(self) -> bool:
        return self.path.startswith("/hub/admin")


# --- how one comes to a button ---


def typed(fields: dict[str, str]) -> Prepare:
    """Fields by their selectors."""

    def prepare(_: RealHub, page: Page, name: str) -> None:
        for field, value in fields.items():
            page.fill(field, value.replace("NAME", name))

    return prepare


def pressed(*selectors: str) -> Prepare:
    def prepare(_: RealHub, page: Page, __: str) -> None:
        for selector in selectors:
            page.locator(selector).first.click()

    return prepare


def visible(selector: str) -> Prepare:
    return lambda hub, page, name: page.locator(selector).wait_for()


def both(*steps: Prepare) -> Prepare:
    def prepare(hub: RealHub, page: Page, name: str) -> None:
        for step in steps:
            step(hub, page, name)

    return prepare


def asked(method: str, path: str, body: Any = None, *, wait: str = "") -> Prepare:
    """Of the API, with `NAME` for the user; `wait`: until the server of that name is ready."""

    def prepare(hub: RealHub, page: Page, name: str) -> None:
        answer = hub.api(method, path.replace("NAME", name), json=body)
        assert answer.status_code < 500 or "fail" in str(body), answer.text
        if wait:
            hub.wait_ready(name, wait.removeprefix("-"))

    return prepare


def again(hub: RealHub, page: Page, name: str) -> None:
    page.reload()


def found(hub: RealHub, page: Page, name: str) -> None:
    """The user's row, in the list of users."""
    page.wait_for_selector(f'tbody.user[data-name="{name}"]')


def yes(page: Page) -> None:
    page.wait_for_selector("#ask[open]")
    page.focus("#ask-yes")
    page.keyboard.press("Enter")


SLOWLY = {"user_options": {"simulate": {"delay": 300}}}
FAILING = {"user_options": {"simulate": {"fail": "no room", "delay": 0}}}
HOME, USERS, GROUPS = "/hub/home", "/hub/admin?name_filter={name}", "/hub/admin/groups?name_filter=0-{name}"
RUNNING = both(asked("POST", "/users/NAME/server", wait="-"), again)
LAB = both(asked("PUT", "/users/NAME/servers/lab", {"display_name": "Lab"}), again)
LAB_RUNNING = both(
    asked("PUT", "/users/NAME/servers/lab", {"display_name": "Lab"}),
    asked("POST", "/users/NAME/servers/lab", wait="lab"),
    again,
)
UNFOLDED = both(LAB, found, pressed(".more"))
UNFOLDED_RUNNING = both(LAB_RUNNING, found, pressed(".more"))
PICKED = both(found, pressed(".select"))
SHARE, LINK = "/hub/share/{name}", both(pressed("#make-link"), visible("#link"))
TOKEN = asked("POST", "/users/NAME/tokens", {"note": "one"})


def _group_of(hub: RealHub, page: Page, name: str) -> None:
    """A group with more members than are shown at first, before all others in the list."""
    users = [name, *(f"{name}-{number:02}" for number in range(70))]
    hub.api("POST", "/users", json={"usernames": users[1:]})
    hub.api("POST", f"/groups/0-{name}", json={"users": users})
    page.reload()
    page.wait_for_selector(f'.group[data-name="0-{name}"]')


def _shared(hub: RealHub, page: Page, name: str) -> None:
    hub.add_user("owner")
    code = hub.api("POST", "/share-codes/owner/", json={}).json()["code"]
    page.goto(f"/hub/accept-share?code={code}")


def _asked_without_scripts(hub: RealHub, page: Page, name: str) -> None:
    page.evaluate(
        "document.getElementById('servers-form').requestSubmit(document.querySelector('.delete-server'))"
    )
    page.wait_for_selector("#delete-for-good")


def _shares_with_owner(hub: RealHub, page: Page, name: str) -> None:
    hub.add_user("owner")
    hub.api("POST", f"/shares/{name}/", json={"user": "owner"})
    page.reload()


def _owner_shares(hub: RealHub, page: Page, name: str) -> None:
    hub.add_user("owner")
    hub.api("POST", "/shares/owner/", json={"user": name})
    page.reload()


def _leaves(hub: RealHub, page: Page, name: str) -> None:
    _owner_shares(hub, page, name)
    page.goto("/hub/leave-share/owner/")


def _withdrawn_without_scripts(hub: RealHub, page: Page, name: str) -> None:
    page.evaluate("document.querySelector('.withdraw').submit()")
    page.wait_for_selector("#withdraw-for-good")


CONSENT = (
    "/hub/api/oauth2/authorize?client_id=service-grades&response_type=code"
    "&redirect_uri=/services/grades/oauth_callback&state=x"
)

BUTTONS: dict[str, Button] = {
    # on every page
    "page.html #menu-button": Button(HOME, "#menu-button", turns=("aria-expanded", "true"), phone=True),
    "page.html #theme-toggle": Button(HOME, "#theme-toggle", heard="Colours: Light"),
    "said.js .undo": Button(
        GROUPS, ".leave", heard="joined 0-{name} again", before=both(_group_of, pressed(".leave"))
    ),
    # people's own
    "login.html #login_submit": Button(
        "/hub/login",
        leads="/hub/home|/user/",
        before=typed({"#username_input": "NAME", "#password_input": "x"}),
    ),
    "home.html .restart-server": Button(HOME, ".actions :focus", heard="My server: Running", before=RUNNING),
    "home.html #stop": Button(HOME, "#start", heard="My server: Stopped", before=RUNNING),
    "home.html .stop-server": Button(
        HOME, ".start-server", heard="Lab: Stopped", before=LAB_RUNNING, press=".stop-server:not(#stop)"
    ),
    "home.html .delete-server": Button(HOME, "#ask-no", before=LAB),
    "home.html #ask-yes": Button(
        HOME, "#named", heard="Lab is deleted", before=both(LAB, pressed(".delete-server"))
    ),
    "home.html #ask-no": Button(HOME, ".delete-server", before=both(LAB, pressed(".delete-server"))),
    "home.html #new-server-btn": Button(
        HOME, "#new-server-btn", heard="Lab is added", before=typed({"#new-server-name": "Lab"})
    ),
    "delete_server.html #delete-for-good": Button(
        HOME, leads="/hub/home", before=both(LAB, _asked_without_scripts)
    ),
    "spawn.html #start-button": Button("/hub/spawn/{name}-form", leads="/user/|/spawn-pending/"),
    "spawn_pending.html #stop-server-btn": Button(
        HOME,
        leads="/hub/home",
        before=both(asked("POST", "/users/NAME/server", SLOWLY), again, pressed("text=Watch")),
    ),
    "not_running.html #same-again": Button(
        "/hub/spawn-pending/{name}-form",
        leads="/user/|/spawn-pending/",
        before=both(asked("POST", "/users/NAME-form/server", FAILING), again),
    ),
    "not_running.html #copy-request": Button(
        "/hub/user/{name}/lab",
        "#copy-request",
        heard="copied",
        before=both(asked("POST", "/users/NAME/server", FAILING), again),
    ),
    "not_running.html #stay": Button("/hub/user/{name}/lab", "#start", heard="not started by itself"),
    "token.html #request-token": Button(
        "/hub/token", "#token-result", heard="The token is made", before=typed({"#token-note": "one"})
    ),
    "token.html #token-copy": Button(
        "/hub/token",
        "#token-copy",
        heard="Copied|Ctrl",
        before=pressed("#request-token", "#token-area label"),
    ),
    "token.html .revoke-token-btn": Button(
        "/hub/token", ".token-row summary", heard="Revoked", before=both(TOKEN, TOKEN, again)
    ),
    "accept-share.html #accept-share": Button(HOME, leads="/user/owner/|spawn", before=_shared),
    "oauth.html #authorize": Button(CONSENT, leads="/services/grades/oauth_callback"),
    # sharing
    "share.html #give-access": Button(
        SHARE, "#grant-name", heard="owner has access", before=typed({"#grant-name": "owner"})
    ),
    "share.html .revoke-share": Button(
        SHARE, "#undo", heard="owner has no access any more", before=_shares_with_owner
    ),
    "share.html #undo": Button(
        SHARE,
        "#grant-name",
        heard="owner has access",
        before=both(_shares_with_owner, pressed(".revoke-share")),
    ),
    "share.html #make-link": Button(SHARE, "#link", heard="Your new link"),
    "share.html #copy-link": Button(SHARE, "#copy-link", heard="Copied|Ctrl", before=LINK),
    "share.html .withdraw-link": Button(SHARE, "#ask-no", before=LINK),
    "share.html #ask-yes": Button(
        SHARE, "#links", heard="The link is revoked", before=both(LINK, pressed(".withdraw-link"))
    ),
    "share.html #ask-no": Button(SHARE, ".withdraw-link", before=both(LINK, pressed(".withdraw-link"))),
    "share.html #withdraw-for-good": Button(
        SHARE, "#links", heard="The link is revoked", before=both(LINK, _withdrawn_without_scripts)
    ),
    "leave-share.html #leave-for-good": Button(HOME, leads="/hub/home", before=_leaves),
    "sharing-parts.html #share-news-seen": Button(HOME, "#main", heard="Put away", before=_owner_shares),
    # administrators'
    "admin-page.html #find-request": Button(
        "/hub/admin/groups",
        leads="/hub/admin/request",
        before=typed({"[name=number]": "0123456789abcdef0123"}),
    ),
    "admin-page.html #ask-yes": Button(
        USERS, "#users-title", heard="is deleted", before=both(UNFOLDED, pressed(".delete-user"))
    ),
    "admin-page.html #ask-no": Button(USERS, ".delete-user", before=both(UNFOLDED, pressed(".delete-user"))),
    "admin.html #add-users": Button("/hub/admin", "#add-names"),
    "admin.html #add-yes": Button(
        "/hub/admin",
        "#add-users",
        heard="1 user added",
        before=both(pressed("#add-users"), typed({"#add-names": "NAME-new"})),
    ),
    "admin.html .close": Button("/hub/admin", "#add-users", before=pressed("#add-users")),
    "admin.html .sorter": Button("/hub/admin", ".sorter >> nth=0", heard="Order: Name, Z to A"),
    "admin.html .start-user": Button(
        USERS, "tbody.user .more", heard="default server of {name}: Running", before=found
    ),
    "admin.html .stop-user": Button(
        USERS,
        "tbody.user .start-user",
        heard="default server of {name}: Stopped",
        before=both(RUNNING, found),
    ),
    "admin.html .more": Button(USERS, ".more", turns=("aria-expanded", "true"), before=found),
    "admin.html .start": Button(
        USERS,
        'li[data-server="lab"] .open',
        heard="lab of {name}: Running",
        before=UNFOLDED,
        press='li[data-server="lab"] .start',
    ),
    "admin.html .stop": Button(
        USERS,
        'li[data-server="lab"] .start',
        heard="lab of {name}: Stopped",
        before=UNFOLDED_RUNNING,
        press='li[data-server="lab"] .stop',
    ),
    "admin.html .remove": Button(
        USERS,
        'li[data-server=""] .start',
        heard="lab of {name} is removed",
        before=UNFOLDED,
        press='li[data-server="lab"] .remove',
        after=yes,
    ),
    "admin.html .admin": Button(
        USERS,
        ".details .admin",
        heard="{name} is an administrator",
        before=UNFOLDED,
        press=".details .admin",
        after=yes,
    ),
    "admin.html .rename": Button(USERS, "#rename-name", before=UNFOLDED),
    "admin.html #rename-yes": Button(
        USERS,
        ".rename",
        heard="{name} is called {name}-2 now",
        before=both(UNFOLDED, pressed(".rename"), typed({"#rename-name": "NAME-2"})),
    ),
    "admin.html .delete-user": Button(USERS, "#ask-no", before=UNFOLDED),
    "admin.html #pick-all": Button(
        "/hub/admin", "#start-picked", heard="[0-9]+ users selected", before=pressed("#pick-page")
    ),
    "admin.html #pick-none": Button(USERS, "#pick-page", heard="Nobody is selected", before=PICKED),
    "admin.html #start-picked": Button(USERS, "#start-picked", heard="1 of 1 started", before=PICKED),
    "admin.html #stop-picked": Button(
        USERS, "#stop-picked", heard="1 of 1 stopped", before=PICKED, after=yes
    ),
    "admin.html #delete-picked": Button(USERS, "#work-end", heard="1 of 1 deleted", before=PICKED, after=yes),
    "admin.html #work-end": Button(
        USERS, "#start-picked", before=both(PICKED, pressed("#start-picked", '#work-end:has-text("Close")'))
    ),
    "admin.html #first-page": Button("/hub/admin?offset=10", "#first-page", heard="1–10 of"),
    "admin.html #previous-page": Button("/hub/admin?offset=20", "#previous-page", heard="11–20 of"),
    "admin.html #next-page": Button("/hub/admin", "#next-page", heard="11–20 of"),
    "admin.html #last-page": Button("/hub/admin", "#last-page", heard="1–[0-9]+ of"),
    "admin-groups.html #previous-page": Button(
        "/hub/admin/groups?offset=10", "#previous-page", heard="1–10 of"
    ),
    "admin-groups.html #next-page": Button("/hub/admin/groups", "#next-page", heard="11–[0-9]+ of"),
    "admin-groups.html #add-group": Button(
        "/hub/admin/groups",
        "#new-group-name",
        heard="of-{name} is added",
        before=typed({"#new-group-name": "of-NAME"}),
    ),
    "admin-groups.html .delete-group": Button(
        GROUPS,
        "#groups-title",
        heard="is deleted",
        after=yes,
        before=_group_of,
    ),
    "admin-groups.html .join-group": Button(
        GROUPS,
        ".group >> nth=0 >> .join-group",
        heard="has joined|joined",
        before=both(_group_of, lambda hub, page, name: page.locator(".join input").first.fill("owner")),
    ),
    "admin-groups.js .leave": Button(
        GROUPS, ".group >> nth=0 >> .leave >> nth=0", heard="has left 0-{name}", before=_group_of
    ),
    "admin-groups.js .rest": Button(
        GROUPS, ".group >> nth=0 >> .leave >> nth=0", heard="All members of", before=_group_of
    ),
    "admin-overview.html #use-more": Button(
        "/hub/admin/overview", "#use-title", heard="[0-9]+ rows are shown"
    ),
    "admin-services.html #check-routes": Button(
        "/hub/admin/services", "#check-routes", heard="has all these routes"
    ),
    "admin-services.html #previous-page": Button(
        "/hub/admin/services?offset=10", "#previous-page", heard="1–10 of"
    ),
    "admin-services.html #next-page": Button("/hub/admin/services", "#next-page", heard="11–[0-9]+ of"),
    "admin-hub.html #shut-down": Button("/hub/admin/hub", "#ask-no"),
    "history-parts.html #earlier": Button("/hub/admin/history", "#earlier", heard="–"),
    "history-parts.html #zoom-in": Button("/hub/admin/history", "#zoom-in", heard="–"),
    "history-parts.html #zoom-out": Button("/hub/admin/history", "#zoom-out", heard="–"),
    "history-parts.html #later": Button(
        "/hub/admin/history", "#later", heard="–", before=pressed("#earlier")
    ),
    "history-parts.html #more-lanes": Button(
        "/hub/admin/history", "#history-title", heard="servers are shown", before=visible("#more-lanes")
    ),
    "history-parts.html #look-closer": Button(
        "/hub/admin/history",
        ":is(#look-closer, #history-title):focus",
        heard="–",
        before=visible("#look-closer"),
    ),
    "look-along.js .closer": Button(
        "/hub/admin/history",
        ":is(#history-title, #pieces button):focus",
        heard="–",
        before=pressed("#as-table summary"),
    ),
    "history-parts.html #more": Button("/hub/admin/history", "#more", before=visible("#more")),
}
