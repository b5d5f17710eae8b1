"""The API's calls, each written once, as steps. Names are any text; an empty server's name is the default server."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from msgspec import Struct

from web.client.models import Group, Logs, Me, Page, Server, Service, Share, ShareCode, Started, Token, User
from web.client.steps import PAGES, Answer, Query, Steps, ask, decode


def path(*segments: str) -> str:
    return "".join(f"/{quote(segment, safe='@~')}" for segment in segments)


def _page(offset: int, limit: int) -> dict[str, str | int]:
    return {"offset": offset, "limit": limit}


def _given(**values: Any) -> dict[str, Any]:
    """Those that somebody has given."""
    return {name: value for name, value in values.items() if value is not None}


def request(
    method: str, path: str, *, body: Any = None, query: Query | None = None, key: str = ""
) -> Steps[Answer]:
    """Anything else. `path`: below the API's address, encoded; `body`: sent as JSON."""
    return (yield from ask(method, path, body=body, key=key, query=query))


# --- oneself ---


def me() -> Steps[Me]:
    """Whose token this is, and what it may do."""
    return decode(Me, (yield from ask("GET", "/user")))


# --- users ---


def users(
    offset: int, *, state: str = "", name_filter: str = "", sort: str = "id", limit: int = 200
) -> Steps[Page[User]]:
    """Every user, page by page. `state`: active, ready or inactive. `sort`: id, name or last_activity, `-` first to
    turn it round. `limit`: of one page."""
    query = {**_page(offset, limit), "sort": sort, "state": state, "name_filter": name_filter}
    return decode(Page[User], (yield from ask("GET", "/users", accept=PAGES, query=query)))


def user(name: str, *, include_stopped_servers: bool = False) -> Steps[User]:
    query = {"include_stopped_servers": int(include_stopped_servers)}
    return decode(User, (yield from ask("GET", path("users", name), query=query)))


def create_user(name: str, *, admin: bool = False, key: str = "") -> Steps[User]:
    return decode(User, (yield from ask("POST", path("users", name), body={"admin": admin}, key=key)))


def create_users(names: list[str], *, admin: bool = False, key: str = "") -> Steps[list[User]]:
    """Those that were made; who existed before is left out."""
    body = {"usernames": names, "admin": admin}
    return decode(list[User], (yield from ask("POST", "/users", body=body, key=key)))


def change_user(
    user: str, *, name: str | None = None, admin: bool | None = None, key: str = ""
) -> Steps[User]:
    body = _given(name=name, admin=admin)
    return decode(User, (yield from ask("PATCH", path("users", user), body=body, key=key)))


def delete_user(name: str, *, key: str = "") -> Steps[bool]:
    """Whether that is done; else it is on its way, for servers take their time to end."""
    return (yield from ask("DELETE", path("users", name), key=key)).status == 204


# --- tokens ---


class _Tokens(Struct, frozen=True):
    api_tokens: list[Token]


def tokens(user: str) -> Steps[list[Token]]:
    return decode(_Tokens, (yield from ask("GET", path("users", user, "tokens")))).api_tokens


def issue_token(
    user: str,
    *,
    note: str | None = None,
    scopes: list[str] | None = None,
    expires_in: int | None = None,
    key: str = "",
) -> Steps[Token]:
    """The only time that the token itself is shown. `expires_in`: seconds."""
    body = _given(note=note, scopes=scopes, expires_in=expires_in)
    return decode(Token, (yield from ask("POST", path("users", user, "tokens"), body=body, key=key)))


def revoke_token(user: str, token_id: str, *, key: str = "") -> Steps[None]:
    yield from ask("DELETE", path("users", user, "tokens", token_id), key=key)


# --- groups ---


def groups(offset: int, *, name_filter: str = "", limit: int = 200) -> Steps[Page[Group]]:
    """Every group, page by page. `limit`: of one page."""
    query = {**_page(offset, limit), "name_filter": name_filter}
    return decode(Page[Group], (yield from ask("GET", "/groups", accept=PAGES, query=query)))


def group(name: str) -> Steps[Group]:
    return decode(Group, (yield from ask("GET", path("groups", name))))


def create_group(name: str, *, users: list[str] | None = None, key: str = "") -> Steps[Group]:
    body = {"users": users or []}
    return decode(Group, (yield from ask("POST", path("groups", name), body=body, key=key)))


def delete_group(name: str, *, key: str = "") -> Steps[None]:
    yield from ask("DELETE", path("groups", name), key=key)


def add_to_group(name: str, users: list[str], *, key: str = "") -> Steps[Group]:
    body = {"users": users}
    return decode(Group, (yield from ask("POST", path("groups", name, "users"), body=body, key=key)))


def remove_from_group(name: str, users: list[str], *, key: str = "") -> Steps[Group]:
    body = {"users": users}
    return decode(Group, (yield from ask("DELETE", path("groups", name, "users"), body=body, key=key)))


def set_group_properties(name: str, properties: dict[str, Any], *, key: str = "") -> Steps[Group]:
    """These, and no others any more."""
    url = path("groups", name, "properties")
    return decode(Group, (yield from ask("PUT", url, body=properties, key=key)))


# --- services ---


def services() -> Steps[dict[str, Service]]:
    return decode(dict[str, Service], (yield from ask("GET", "/services")))


def service(name: str) -> Steps[Service]:
    return decode(Service, (yield from ask("GET", path("services", name))))


# --- servers ---


def server_path(user: str, server: str) -> str:
    return path("users", user, "servers", server) if server else path("users", user, "server")


def server(user: str, server: str = "") -> Steps[Server]:
    return decode(Server, (yield from ask("GET", server_path(user, server))))


def create_server(
    user: str,
    server: str,
    *,
    options: dict[str, Any] | None = None,
    display_name: str | None = None,
    key: str = "",
) -> Steps[Server]:
    """A named server, not started."""
    body = _given(user_options=options, display_name=display_name)
    return decode(Server, (yield from ask("PUT", server_path(user, server), body=body, key=key)))


def start(
    user: str,
    server: str = "",
    *,
    options: dict[str, Any] | None = None,
    at_once: bool = False,
    key: str = "",
) -> Steps[bool]:
    """Whether it is ready; else it is on its way: see wait_ready. Raises RefusedError where it failed at once.

    `at_once`: the hub answers without waiting for what comes of it.
    """
    body = None if options is None else {"user_options": options}
    prefer = "respond-async" if at_once else ""
    return (
        yield from ask("POST", server_path(user, server), body=body, key=key, prefer=prefer)
    ).status == 201


def stop(user: str, server: str = "", *, remove: bool = False, key: str = "") -> Steps[bool]:
    """Whether it has stopped; else it is on its way: see wait_stopped. `remove`: a named server altogether."""
    body = {"remove": True} if remove else None
    return (yield from ask("DELETE", server_path(user, server), body=body, key=key)).status == 204


def logs(user: str, server: str = "") -> Steps[Logs]:
    """The last lines that a server has written, and how it ended if it has."""
    return decode(Logs, (yield from ask("GET", f"{server_path(user, server)}/logs")))


# --- the start API ---


def quick_start(options: dict[str, Any] | None = None, *, key: str = "") -> Steps[Started]:
    """Make and start a server of one's own, which the hub names after the option `name`."""
    return decode(Started, (yield from ask("POST", "/start", body=options, key=key)))


def quick_status(user: str, server: str) -> Steps[Started]:
    return decode(Started, (yield from ask("GET", path("start", user, server))))


# --- shares ---


def shares(offset: int, owner: str, server: str | None = None, *, limit: int = 200) -> Steps[Page[Share]]:
    """Every share of an owner's servers, or of one of them, page by page."""
    url = path("shares", owner) if server is None else path("shares", owner, server)
    return decode(Page[Share], (yield from ask("GET", url, query=_page(offset, limit))))


def share(
    owner: str,
    server: str = "",
    *,
    user: str | None = None,
    group: str | None = None,
    scopes: list[str] | None = None,
    key: str = "",
) -> Steps[Share]:
    """With a user or with a group."""
    body = _given(user=user, group=group, scopes=scopes)
    return decode(Share, (yield from ask("POST", path("shares", owner, server), body=body, key=key)))


def unshare(
    owner: str, server: str = "", *, user: str | None = None, group: str | None = None, key: str = ""
) -> Steps[None]:
    """Not with this user or group any more; with neither given, with nobody."""
    body = _given(user=user, group=group)
    yield from ask("PATCH" if body else "DELETE", path("shares", owner, server), body=body or None, key=key)


def shared_with(offset: int, user: str, *, limit: int = 200) -> Steps[Page[Share]]:
    """Everything that is shared with a user, page by page."""
    return decode(
        Page[Share], (yield from ask("GET", path("users", user, "shared"), query=_page(offset, limit)))
    )


def create_share_code(
    owner: str,
    server: str = "",
    *,
    scopes: list[str] | None = None,
    expires_in: int | None = None,
    key: str = "",
) -> Steps[ShareCode]:
    """The only time that the code itself is shown. `expires_in`: seconds."""
    body = _given(scopes=scopes, expires_in=expires_in)
    return decode(ShareCode, (yield from ask("POST", path("share-codes", owner, server), body=body, key=key)))


def accept_share(code: str, *, key: str = "") -> Steps[Share]:
    return decode(Share, (yield from ask("POST", path("shares", code, "accept"), key=key)))
