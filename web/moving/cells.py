"""What belongs into the cells of JupyterHub's tables: SQLite lets anything stand anywhere.

Rows are held against it before anything is made of them, so that a database that somebody has mended by hand is
refused in one line, and never half of it is moved in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping

from core.events.nesting import is_nested_too_deeply
from web.moving.rows import MovingError, Row, moment

LONGEST_NAME = 255  # characters: of the columns that JupyterHub makes
LARGEST = 2**63 - 1  # of whole numbers

UNIQUE = {"users": ("name", "cookie_id"), "groups": ("name",), "roles": ("name",), "services": ("name",)}
"""What no two rows have in common, and none lacks."""


class Cells:
    """Checks the rows of one table, one after the other. No refusal shows what stands there: it may be a secret."""

    def __init__(self, table: str) -> None:
        self._table = table
        self._unique = UNIQUE.get(table, ())
        self._seen: dict[str, set[object]] = defaultdict(set)

    def check(self, row: Row) -> None:
        """Raises MovingError."""
        if self._table == "oauth_codes":  # of which nothing is made
            return
        for column, value in row.items():
            if value is not None and not BY_COLUMN.get(column, _is_text)(value):
                raise self._strange(row, column)
        for column in self._unique:
            if not row[column] or row[column] in self._seen[column]:
                raise self._strange(row, column)
            self._seen[column].add(row[column])

    def _strange(self, row: Row, column: str) -> MovingError:
        return MovingError(
            f"JupyterHub would not have written {column} of row {row.get('id', '?')} of the table {self._table}."
        )


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_NAME


def _is_number(value: object) -> bool:
    return isinstance(value, int) and abs(value) <= LARGEST


def _is_truth(value: object) -> bool:
    return isinstance(value, int) and value in (0, 1)


def _is_sealed(value: object) -> bool:
    return isinstance(value, bytes | bytearray | memoryview)


def _is_moment(value: object) -> bool:
    try:
        moment(value)
    except (ValueError, OverflowError):
        return False
    return True


def _is_json(value: object) -> bool:
    """As text, or as what the database's driver has made of it."""
    content = value.encode(errors="replace") if isinstance(value, str) else value
    return not (isinstance(content, bytes) and is_nested_too_deeply(content))


_KINDS: Mapping[Callable[[object], bool], str] = {
    _is_name: "name",
    _is_number: "id user_id group_id role_id service_id api_token_id owner_id spawner_id server_id _server_id"
    " port pid exchange_count",
    _is_truth: "admin managed_by_auth display oauth_no_confirm from_config",
    _is_sealed: "encrypted_auth_state",
    _is_moment: "created created_at started last_activity expires_at last_exchanged_at",
    _is_json: "scopes allowed_scopes oauth_client_allowed_scopes state user_options user_info properties info"
    " command environment",
}
BY_COLUMN = {column: is_good for is_good, columns in _KINDS.items() for column in columns.split()}
"""Those of any table. All others hold texts."""
