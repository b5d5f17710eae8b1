"""Every kind of credentials that a request may come with, good and bad, at a hub that has given them out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from core.settings import AuthenticatorSettings, GroupSettings, Settings
from tests.conftest import ADMIN_TOKEN, SERVICE_TOKEN, Client, settings_for_tests
from tests.unit.web.pages.browser import FETCHES, NAVIGATES, logged_in
from tests.unit.web.pages.test_oauth import start, token_of
from web.hub.hub import Hub

Headers = tuple[tuple[str, str], ...]
PEOPLE = ("bob", "carol", "dave", "erin", "frank", "grace")


class Credentials(NamedTuple):
    """`query`: what stands behind the URL's path."""

    headers: Headers = ()
    query: str = ""


def settings() -> Settings:
    """bob and frank are in the group g, whose members may list users; eve is blocked."""
    made = settings_for_tests(
        load_groups={"g": GroupSettings(["bob", "frank"])},
        load_roles=[
            {"name": "ops", "services": ["ops"], "scopes": ["admin:users", "admin:servers", "tokens"]},
            {"name": "tutors", "groups": ["g"], "scopes": ["list:users!group=g", "read:hub"]},
            {"name": "user", "scopes": ["self", "shares!user"]},
        ],
        api_tokens={ADMIN_TOKEN: "alice", "the-token-of-eve-who-is-blocked": "eve"},
        default_url="/hub/home",
    )
    authenticator = AuthenticatorSettings(admin_users={"alice"}, allow_all=True, blocked_users={"eve"})
    return Settings(hub=made.hub, authenticator=authenticator)


def authorization(value: str) -> Credentials:
    return Credentials((("Authorization", value),))


def of_token(value: str) -> Credentials:
    return authorization(f"token {value}")


@dataclass
class Registry:
    """What one hub gives out."""

    hub: Hub
    admin: Client
    found: dict[str, Credentials] = field(default_factory=dict)

    async def issue(self, owner: str, *scopes: str) -> dict[str, Any]:
        """A token, made as the API makes it. No scopes: all that its owner may do."""
        answer = await self.admin.post(f"/users/{owner}/tokens", json={"scopes": scopes} if scopes else {})
        assert answer.status_code == 201, answer.text
        issued: dict[str, Any] = answer.json()
        return issued

    async def token(self, owner: str, *scopes: str) -> Credentials:
        return of_token((await self.issue(owner, *scopes))["token"])

    async def browser(self, name: str, more: dict[str, str], *, proof: str | None = "") -> Credentials:
        """Of somebody who has logged in. `proof`: None for the right one."""
        browser = await logged_in(self.hub, name, self.admin.app)
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.cookies.jar)
        sent = browser.xsrf if proof is None else proof
        proofs = (("X-XSRFToken", sent),) if sent else ()
        await browser.aclose()
        return Credentials((("Cookie", cookies), *proofs, *more.items()))

    # --- one kind of them after the other ---

    async def give_out(self) -> dict[str, Credentials]:
        for name in PEOPLE:
            await self.admin.post(f"/users/{name}")
        await self.admin.post("/users/bob/servers/lab")
        self.forms()
        await self.tokens()
        await self.ended_tokens()
        await self.of_servers()
        await self.browsers()
        return self.found

    def forms(self) -> None:
        """Of one and the same token, and of what is none."""
        self.found |= {
            "none": Credentials(),
            "an administrator's token": of_token(ADMIN_TOKEN),
            "the same as bearer": authorization(f"Bearer {ADMIN_TOKEN}"),
            "the same, shouted": Credentials((("AUTHORIZATION", f"TOKEN {ADMIN_TOKEN}"),)),
            "the same, with room": authorization(f"  token   {ADMIN_TOKEN}  "),
            "the same, in the URL": Credentials(query=f"?token={ADMIN_TOKEN}"),
            "the same, behind another": Credentials(
                (*of_token("nonsense").headers, *of_token(ADMIN_TOKEN).headers)
            ),
            "the same, in capitals": of_token(ADMIN_TOKEN.upper()),
            "a token without its scheme": authorization(ADMIN_TOKEN),
            "a scheme without a token": authorization("token "),
            "two words": authorization(f"token {ADMIN_TOKEN} x"),
            "a wrong token": of_token("nonsense"),
            "basic": authorization("Basic YTpi"),
            "bytes": of_token("\xff\xfe"),
            "a long one": of_token("x" * 5000),
            "a service's token": of_token(SERVICE_TOKEN),
            "the proxy's": of_token(self.hub.proxy_secret),
            "one of somebody who is blocked": of_token("the-token-of-eve-who-is-blocked"),
        }

    async def tokens(self) -> None:
        await self.admin.patch("/users/grace", json={"admin": True})
        self.found |= {
            "bob's own": await self.token("bob"),
            "bob's, to read": await self.token("bob", "read:users!user"),
            "bob's, for servers": await self.token("bob", "servers!user"),
            "bob's, for one server": await self.token("bob", "access:servers!server=bob/lab"),
            "alice's, to list": await self.token("alice", "list:users", "read:groups"),
            "alice's, for tokens": await self.token("alice", "tokens"),
            "alice's, for a group": await self.token("alice", "users!group=g", "groups!group=g"),
            "carol's, who may nothing of bob's": await self.token("carol"),
            "frank's, by his group": await self.token("frank"),
            "frank's, by his group, to list": await self.token("frank", "list:users!group=g"),
            "grace's, who is an administrator": await self.token("grace"),
            "grace's, for her name": await self.token("grace", "read:users:name!user"),
        }

    async def ended_tokens(self) -> None:
        """Tokens that were good, or whose owner was another."""
        revoked, expired = await self.issue("bob"), await self.issue("bob")
        await self.admin.delete(f"/users/bob/tokens/{revoked['id']}")
        past = "UPDATE tokens SET expires_at = '2020-01-01T00:00:00.000000Z' WHERE id = ?"
        self.hub.store.db.execute(past, (expired["id"],))
        renamed, deleted = await self.token("dave"), await self.token("erin")
        await self.admin.patch("/users/dave", json={"name": "david"})
        await self.admin.delete("/users/erin")
        self.found |= {
            "one that was revoked": of_token(revoked["token"]),
            "one that has expired": of_token(expired["token"]),
            "one of somebody who is called otherwise now": renamed,
            "one of somebody who was deleted": deleted,
        }

    async def of_servers(self) -> None:
        own = await start(self.hub)
        browser = await logged_in(self.hub, "bob", self.admin.app)
        visitor = (await token_of(browser, own))["access_token"]
        await browser.aclose()
        shared = await self.admin.post("/shares/bob/lab", json={"user": "carol"})
        assert shared.status_code == 200, shared.text
        self.found |= {
            "a server's own": of_token(own),
            "a visitor's, by OAuth": of_token(visitor),
            "carol's, with whom lab is shared": await self.token("carol", "access:servers!server=bob/lab"),
        }

    async def browsers(self) -> None:
        left = await logged_in(self.hub, "bob", self.admin.app)
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in left.cookies.jar)
        await left.get("/hub/logout", headers=NAVIGATES)
        await left.aclose()
        script = await self.browser("bob", FETCHES, proof=None)
        self.found |= {
            "alice's browser": await self.browser("alice", NAVIGATES),
            "alice's script": await self.browser("alice", FETCHES, proof=None),
            "alice's script without proof": await self.browser("alice", FETCHES),
            "bob's browser": await self.browser("bob", NAVIGATES),
            "bob's script": script,
            "bob's script with another's proof": await self.browser("bob", FETCHES, proof="2:x:y"),
            "bob's script and a wrong token": Credentials((*script.headers, *of_token("nonsense").headers)),
            "bob's script and alice's token": Credentials((*script.headers, *of_token(ADMIN_TOKEN).headers)),
            "one who has logged out": Credentials((("Cookie", cookies), *NAVIGATES.items())),
            "a forged cookie": Credentials(
                (("Cookie", "jupyterhub-session-id=x; jupyterhub-hub-login=y; _xsrf=z"),)
            ),
        }


async def given_out(hub: Hub) -> dict[str, Credentials]:
    async with Client(hub, ADMIN_TOKEN) as admin:
        return await Registry(hub, admin).give_out()
