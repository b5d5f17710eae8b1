"""Tokens: digests and first characters stay as they are, so that what people hold goes on working. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from core.events.log.append_request import Write
from core.events.token import TokenIssued, token_stream
from core.token import is_foreign
from web.moving.rows import Row, moment, text, texts_of
from web.moving.units import Comes, Known, Pieces, Stays

OF_THE_HUB = "jupyterhub"  # the client of tokens that nobody gave to a server or service

ScopesOf = Callable[[Row], list[str]]


def scopes_by_role(roles: Iterable[Row], token_roles: Iterable[Row]) -> ScopesOf:
    """Of a token: JupyterHub 2 gave roles to tokens, later ones scopes."""
    scopes = {role["id"]: texts_of(role["scopes"]) for role in roles}
    of_token: dict[int, list[str]] = defaultdict(list)
    for row in token_roles:
        of_token[row["api_token_id"]] += scopes.get(row["role_id"], [])
    return lambda token: texts_of(token["scopes"]) if "scopes" in token else of_token[token["id"]]


def tokens(
    rows: Iterable[Row], known: Known, scopes_of: ScopesOf, of_servers: Mapping[str, str], now: datetime
) -> Pieces:
    """`of_servers`: by an OAuth client's identifier, the id of the server that is this client."""
    for row in rows:
        if row["id"] in known.own_tokens:
            continue
        name = text(row["note"]) or f"token {row['id']}"
        client, why_not = _client(row, known, of_servers)
        owner = _owner(row, known)
        if why_not := _why_not(row, owner, now) or why_not:
            yield Stays("tokens", name, why_not)
            continue
        token_id = known.id("t", "api_tokens", row["id"])
        if seen := moment(row["last_activity"]):
            known.seen.tokens[token_id] = seen
        issued = TokenIssued(
            owner=owner,
            digest=row["hashed"],
            scopes=scopes_of(row),
            note=text(row["note"]),
            expires_at=moment(row["expires_at"]),
            hint=row["prefix"],
            client=client,
            session_id=_session(row, known),
            since=moment(row["created"]),
        )
        yield Comes("tokens", (Write(token_stream(token_id), 0, [issued]),))


def _owner(row: Row, known: Known) -> str:
    if row["user_id"] is not None:
        return known.holder("user", row["user_id"]) or ""
    return known.holder("service", row["service_id"]) or "" if row["service_id"] is not None else ""


def _why_not(row: Row, owner: str, now: datetime) -> str:
    expires = moment(row["expires_at"])
    if expires is not None and expires <= now:
        return "has expired"
    if not owner:
        return "its owner does not come"
    return "" if is_foreign(text(row["hashed"])) and row["prefix"] else "is stored in no known form"


def _client(row: Row, known: Known, of_servers: Mapping[str, str]) -> tuple[str, str]:
    """The client it was given to, as the log names it; or why there is none."""
    identifier = text(row.get("client_id")) or OF_THE_HUB
    if identifier == OF_THE_HUB:
        return OF_THE_HUB, ""
    if identifier in known.clients:
        return known.clients[identifier], ""
    server = of_servers.get(identifier, "")
    if server in known.taken_in:
        return f"server/{server}", ""
    return "", "was given to a server or service that does not come"


def _session(row: Row, known: Known) -> str | None:
    """Ends with its owner's: with whichever browser they log out of first."""
    return (
        known.users[row["user_id"]].session if row["session_id"] and row["user_id"] in known.users else None
    )
