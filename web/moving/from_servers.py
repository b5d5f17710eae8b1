"""Servers that run: each becomes a start under way, which the hub then joins, as it joins any after a crash. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from core.events.log.append_request import Write
from core.events.server import SpawnRequested, server_stream
from core.naming.names import full_name, server_client_id
from core.plugins.spawner import Elsewhere, UserOptions
from web.moving.from_rights import ALWAYS, url_of
from web.moving.from_tokens import ScopesOf
from web.moving.rows import Row, moment, object_of, text, texts_of
from web.moving.units import Comes, Known, Pieces, Place, Runs, Stays

EngineOf = Callable[[UserOptions], str]


def running(
    spawners: Iterable[Row],
    servers: Mapping[int, Row],
    clients: Mapping[str, Row],
    own_tokens: Mapping[tuple[int, str], Row],
    known: Known,
    scopes_of: ScopesOf,
    engine_of: EngineOf,
) -> Pieces:
    """`own_tokens`: the newest with such a note, by the row of its user and the note."""
    for row in spawners:
        place, server = known.servers.get(row["id"]), servers.get(row["server_id"])
        if place is None or server is None:
            continue
        token = own_tokens.get((row["user_id"], note_of(server)))
        if token is None:
            name = f"{place.person.name}/{place.name}"
            yield Stays("running servers", name, "its token is not in the database")
            continue
        known.own_tokens.add(token["id"])
        options = object_of(row["user_options"])
        found = _found(row, server, place, options, known)
        client = clients.get(client_of(row, place), {})
        requested = SpawnRequested(
            spawn_id=found.spawn_id,
            user=place.person.id,
            user_name=place.person.name,
            server_name=place.name,
            prefix=found.prefix,
            user_options=options,
            token_digest=token["hashed"],
            token_scopes=scopes_of(token),
            client_scopes=_besides_access(texts_of(client.get("allowed_scopes")), place),
            engine=engine_of(options),
            token_prefix=token["prefix"],
            since=found.started,
        )
        write = Write(server_stream(place.id), place.version, [requested])
        yield Runs(found, Comes("running servers", (write,)))


def note_of(server: Row) -> str:
    """Of the token of the server at this place. Source: JupyterHub, User.spawn."""
    return f"Server at {server['base_url']}"


def own_tokens(rows: Iterable[Row], now: datetime) -> dict[tuple[int, str], Row]:
    """The tokens of servers; where there are several with the same note, those issued last."""
    found = {}
    for row in rows:
        expires = moment(row["expires_at"])
        is_good = row["user_id"] is not None and (expires is None or expires > now)
        if is_good and text(row["note"]).startswith("Server at "):
            found[row["user_id"], row["note"]] = row
    return found


def client_of(spawner: Row, place: Place) -> str:
    """The identifier of the OAuth client that it is."""
    return text(spawner.get("oauth_client_id")) or server_client_id(place.person.name, place.name)


def _besides_access(allowed: Iterable[str], place: Place) -> list[str]:
    access = f"access:servers!server={full_name(place.person.name, place.name)}"
    return [scope for scope in allowed if scope not in (access, *ALWAYS)]


def _found(row: Row, server: Row, place: Place, options: UserOptions, known: Known) -> Elsewhere:
    prefix = server["base_url"]
    return Elsewhere(
        spawn_id=known.id("s", "spawners", row["id"]),
        user_id=place.person.id,
        user=place.person.name,
        server_id=place.id,
        server=place.name,
        prefix=prefix if prefix.endswith("/") else f"{prefix}/",
        user_options=options,
        state=object_of(row["state"]),
        url=url_of(server),
        started=moment(row["started"]) or datetime.now(UTC),
    )
