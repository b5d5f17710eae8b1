"""Which rows of a database are as JupyterHub writes them: others stay, and the rest comes all the same. Pure.

A file may be damaged, or somebody may have written into it by hand. What a row cannot do without is `needed`: else it
stays. Anything else that makes no sense is taken for empty, but for the time after which something is worth nothing:
that is never taken for "never".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from core.events.nesting import is_nested_too_deeply
from web.moving.rows import Row, moment
from web.moving.units import Stays

LONGEST_NAME = 255  # characters: of the columns that JupyterHub makes
JSON = (
    *("scopes", "allowed_scopes", "oauth_client_allowed_scopes"),
    *("state", "user_options", "user_info", "properties", "info"),
)
"""Columns of any table."""


class Tables(Protocol):
    """Rows by table, in the order of their ids; see source.py."""

    def rows(self, table: str) -> Iterator[Row]: ...


def _is_number(cell: object) -> bool:
    return isinstance(cell, int) and not isinstance(cell, bool) and abs(cell) < 2**63


def _is_text(cell: object) -> bool:
    return isinstance(cell, str)


def _is_name(cell: object) -> bool:
    return isinstance(cell, str) and 0 < len(cell) <= LONGEST_NAME


def _is_server_name(cell: object) -> bool:
    return cell in (None, "") or _is_name(cell)


def _is_flag(cell: object) -> bool:
    return isinstance(cell, int)


def _is_moment(cell: object) -> bool:
    if not isinstance(cell, str | datetime):
        return False
    try:
        return moment(cell) is not None
    except (ValueError, OverflowError):
        return False


def _is_raw(cell: object) -> bool:
    return isinstance(cell, bytes | bytearray | memoryview)


def _is_json(cell: object) -> bool:
    """As text, or as what a driver has made of it. What is nested without end is dear to all who read it."""
    content = cell.encode(errors="replace") if isinstance(cell, str) else cell
    return not (isinstance(content, bytes) and is_nested_too_deeply(content))


class Shape(NamedTuple):
    """`kind`: in the table of a move. `needed`, `checked`: columns, with what they must hold or are taken for empty.

    `ends`: the column of a time after which it is worth nothing. `unique`: columns that no two rows share. `besides`:
    columns that every version has, whatever is in them.
    """

    kind: str
    needed: Mapping[str, Callable[[object], bool]]
    checked: Mapping[str, Callable[[object], bool]] = {}
    ends: str = ""
    unique: tuple[tuple[str, ...], ...] = (("id",),)
    besides: tuple[str, ...] = ()

    @property
    def columns(self) -> set[str]:
        """Without which a table is none of JupyterHub's, of any version."""
        return {*self.needed, *self.besides, self.ends} - {""}


def _numbers(*columns: str) -> dict[str, Callable[[object], bool]]:
    return dict.fromkeys(columns, _is_number)


def _links(kind: str, *columns: str) -> Shape:
    """Of a table that joins two others."""
    return Shape(kind, _numbers(*columns), unique=(columns,))


_NAMED = {"id": _is_number, "name": _is_name}
SHAPES: Mapping[str, Shape] = {
    "users": Shape(
        "users",
        {**_NAMED, "cookie_id": _is_name},
        {
            "admin": _is_flag,
            "created": _is_moment,
            "last_activity": _is_moment,
            "encrypted_auth_state": _is_raw,
        },
        unique=(("id",), ("name",), ("cookie_id",)),
        besides=("admin", "last_activity", "encrypted_auth_state"),
    ),
    "spawners": Shape(
        "named servers",
        {**_numbers("id", "user_id"), "name": _is_server_name},
        {
            **_numbers("server_id"),
            **dict.fromkeys(("display_name", "oauth_client_id"), _is_text),
            **dict.fromkeys(("started", "last_activity"), _is_moment),
        },
        unique=(("id",), ("user_id", "name")),
        besides=("server_id", "state", "user_options", "started", "last_activity"),
    ),
    "servers": Shape(
        "running servers",
        {**_numbers("id", "port"), "base_url": _is_text},
        {"proto": _is_text, "ip": _is_text},
        besides=("proto", "ip"),
    ),
    "groups": Shape("groups", _NAMED, unique=(("id",), ("name",))),
    "user_group_map": _links("groups", "user_id", "group_id"),
    "roles": Shape(
        "roles",
        _NAMED,
        {"description": _is_text, "managed_by_auth": _is_flag},
        unique=(("id",), ("name",)),
        besides=("description", "scopes"),
    ),
    "user_role_map": _links("roles", "user_id", "role_id"),
    "group_role_map": _links("roles", "group_id", "role_id"),
    "service_role_map": _links("roles", "service_id", "role_id"),
    "api_token_role_map": _links("roles", "api_token_id", "role_id"),
    "services": Shape(
        "services",
        _NAMED,
        {
            **_numbers("_server_id"),
            **dict.fromkeys(("url", "oauth_client_id"), _is_text),
            **dict.fromkeys(("admin", "display", "oauth_no_confirm", "from_config"), _is_flag),
        },
        unique=(("id",), ("name",)),
        besides=("admin",),
    ),
    "oauth_clients": Shape(
        "services", {"id": _is_number, "identifier": _is_text}, {"redirect_uri": _is_text}
    ),
    "oauth_codes": Shape("OAuth codes", _numbers("id")),
    "api_tokens": Shape(
        "tokens",
        _numbers("id"),
        {
            **_numbers("user_id", "service_id"),
            **dict.fromkeys(("hashed", "prefix", "note", "client_id", "session_id"), _is_text),
            **dict.fromkeys(("created", "last_activity"), _is_moment),
        },
        "expires_at",
        besides=(
            *("user_id", "service_id", "hashed", "prefix", "note", "session_id"),
            *("created", "last_activity"),
        ),
    ),
    "shares": Shape(
        "shares",
        _numbers("id", "spawner_id"),
        {**_numbers("user_id", "group_id"), "created_at": _is_moment},
        "expires_at",
        besides=("user_id", "group_id", "scopes", "created_at"),
    ),
    "share_codes": Shape(
        "share codes",
        _numbers("id", "spawner_id"),
        {
            **_numbers("exchange_count"),
            **dict.fromkeys(("hashed", "prefix"), _is_text),
            **dict.fromkeys(("created_at", "last_exchanged_at"), _is_moment),
        },
        "expires_at",
        besides=("hashed", "prefix", "scopes", "exchange_count", "created_at", "last_exchanged_at"),
    ),
}


class SoundRows:
    """Those of `tables` that are sound. `damaged`: what is to be said of the others that were met."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._damaged: dict[tuple[str, int], Stays] = {}

    @property
    def damaged(self) -> list[Stays]:
        return list(self._damaged.values())

    def rows(self, table: str) -> Iterator[Row]:
        shape = SHAPES[table]
        met: set[tuple[object, ...]] = set()
        for number, row in enumerate(self._tables.rows(table)):
            if why := why_damaged(row, shape) or _why_double(row, shape, met):
                self._damaged[table, number] = Stays(shape.kind, f"row {row.get('id', '?')} of {table}", why)
            else:
                yield without_nonsense(row, shape)


def why_damaged(row: Row, shape: Shape) -> str:
    """`""` for a row that can come. Columns that are missing altogether are not a row's fault: see source.py."""
    for column, fits in shape.needed.items():
        if not fits(row[column]):
            return f"is damaged: its {column} makes no sense"
    ends = row.get(shape.ends)
    if ends is not None and not _is_moment(ends):
        return f"is damaged: its {shape.ends} makes no sense"
    return ""


def _why_double(row: Row, shape: Shape, met: set[tuple[object, ...]]) -> str:
    for columns in shape.unique:
        key = (columns, *(row.get(column) or "" for column in columns))
        if key in met:
            return f"is damaged: another has the same {' and '.join(columns)}"
        met.add(key)
    return ""


def without_nonsense(row: Row, shape: Shape) -> Row:
    checked = {**dict.fromkeys(JSON, _is_json), **shape.checked}
    nonsense = {
        column: None
        for column, fits in checked.items()
        if row.get(column) is not None and not fits(row[column])
    }
    found: dict[str, Any] = {**row, **nonsense}
    return found
