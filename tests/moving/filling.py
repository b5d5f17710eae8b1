"""Everything that a JupyterHub can have, made in a real one over HTTP; and what people then hold of it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from tests.integration.hub import wait_for
from tests.moving.other_hub import ADMIN_TOKEN, GRADER_TOKEN, OtherHub

USERS = ("alice", "bob", "carol", "d@ve")


class Held(Struct):
    """In clear, as people, programs and browsers have it. `cookies`: by user, name and value. `servers`: by prefix."""

    tokens: dict[str, str]
    cookies: dict[str, dict[str, str]]
    servers: dict[str, dict[str, str]]
    codes: dict[str, str] = {}


def fill(hub: OtherHub) -> Held:
    """`hub` runs, and was just made."""
    for user in USERS:
        hub.have(f"/users/{user}")
    _groups(hub)
    _runtime_service(hub)
    browsers = {user: hub.log_in(user) for user in ("alice", "bob")}
    hub.ask("POST", "/users/carol/servers/old", json={"size": "small"})
    hub.api("DELETE", "/users/carol/servers/old")
    servers = {
        "/user/alice/": hub.start_server("alice", profile="tiny"),
        "/user/bob/lab/": hub.start_server("bob", "lab", size="big"),
    }
    tokens = {"admin": ADMIN_TOKEN, "grader": GRADER_TOKEN, **_tokens(hub)}
    for prefix, environment in servers.items():
        tokens[f"server {prefix}"] = environment["JUPYTERHUB_API_TOKEN"]
    of_alice = servers["/user/alice/"]["JUPYTERHUB_API_TOKEN"]
    tokens["visit alice"] = hub.visit(
        browsers["alice"], "jupyterhub-user-alice", of_alice, "/user/alice/oauth_callback"
    )
    tokens["visit grader"] = hub.visit(
        browsers["bob"], "service-grader", GRADER_TOKEN, "http://127.0.0.1:9/grader/oauth_callback"
    )
    codes = _shares(hub) if hub.version >= (5,) else {}
    wait_for(lambda: hub.api("GET", "/user", token=tokens["carol short"]).status_code == 403)
    cookies = {user: _cookies(browser) for user, browser in browsers.items()}
    kept = {prefix: _kept(environment) for prefix, environment in servers.items()}
    return Held(tokens, cookies, kept, codes)


def _cookies(browser: Any) -> dict[str, str]:
    return {cookie.name: cookie.value for cookie in browser.cookies}


def _kept(environment: dict[str, str]) -> dict[str, str]:
    return {name: environment[name] for name in ("pid", "JUPYTERHUB_SERVICE_URL", "JUPYTERHUB_API_TOKEN")}


def _groups(hub: OtherHub) -> None:
    for group, users in {"staff": ["bob"], "pupils": ["alice", "carol"], "nobody": []}.items():
        hub.have(f"/groups/{group}")
        if users:
            hub.ask("POST", f"/groups/{group}/users", json={"users": users})
    if hub.version >= (4,):
        hub.ask("PUT", "/groups/pupils/properties", json={"cpu": 2, "notes": ["ö", None]})


def _runtime_service(hub: OtherHub) -> None:
    if hub.version >= (5,):
        made = {
            "oauth_client_id": "service-late",
            "oauth_redirect_uri": "http://127.0.0.1:9/late/oauth_callback",
            "api_token": "canary-late-0b7d2f",
            "info": {"made": "by the API"},
        }
        hub.ask("POST", "/services/late", json=made)


def _tokens(hub: OtherHub) -> dict[str, str]:
    if hub.version >= (3,):
        wanted: dict[str, Any] = {"scopes": ["read:users!user=alice", "access:servers!user=alice"]}
    else:
        wanted = {"roles": ["user"]}
    asked = {
        "alice": {"note": "for everything"},
        "alice narrow": {"note": "narrow", **wanted},
        "bob": {"note": "for long", "expires_in": 86_400 * 30_000},
        "carol short": {"note": "soon over", "expires_in": 2},
        "d@ve": {"note": "dave"},
    }
    made = {}
    for name, body in asked.items():
        answer = hub.ask("POST", f"/users/{name.split()[0]}/tokens", json=body)
        made[name] = answer["token"]
    return made


def _shares(hub: OtherHub) -> dict[str, str]:
    hub.ask("POST", "/shares/alice/", json={"user": "bob", "scopes": ["access:servers"]})
    hub.ask("POST", "/shares/bob/lab", json={"group": "pupils"})
    code = hub.ask("POST", "/share-codes/bob/lab", json={"expires_in": 86_400 * 300})
    return {"bob/lab": code["code"]}
