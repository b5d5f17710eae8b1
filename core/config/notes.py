"""Options that have no effect, and why: one table for whoever starts the hub."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

UNKNOWN: Literal["unknown"] = "unknown"
NOT_YET: Literal["not yet"] = "not yet"
IGNORED: Literal["ignored"] = "ignored"
ODD: Literal["note"] = "note"
Kind = Literal["unknown", "not yet", "ignored", "note"]


class Note(Struct, frozen=True):
    """Something that has no effect, or not the one it may seem to have. Not an error.

    `kind`: unknown: no such name; not yet: JupyterHub has it, and this hub does not act on it; ignored: there is
    nothing here that it could act on; note: it acts, but look again.
    """

    origin: str
    name: str
    kind: Kind
    text: str = ""

    def __str__(self) -> str:
        return f"{self.origin}: {self.name}: {self.kind}{f' ({self.text})' if self.text else ''}"


def table(notes: Sequence[Note]) -> str:
    """One line for each, in columns: what it is, its name, why, and where it was given."""
    rows = [(note.kind, note.name, note.text, note.origin) for note in notes]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[3]])
        for row in rows
    ]
    return "\n".join(
        ["options that do not act, or not as they may seem to:", *(f"  {line}" for line in lines)]
    )


OWN_PROXY = "the hub brings its own proxy"
_IN_SERVERS = "read by servers and services, from a configuration of theirs"
_NO_TLS_INSIDE = "between hub and servers there is no TLS"

REASONS: dict[str, str] = {
    "HubAuth": _IN_SERVERS,
    "HubOAuth": _IN_SERVERS,
    "JupyterHubSingleUser": _IN_SERVERS,
    "JupyterHubHTTPClient": "the hub has no HTTP client to be set up",
    "JupyterHub.answer_yes": "a choice of the command line",
    "JupyterHub.config_file": "a choice of the command line: -f",
    "JupyterHub.confirm_no_ssl": "nothing asks for it any more",
    "JupyterHub.db_kwargs": "the log is a file of SQLite",
    "JupyterHub.debug_db": "c.JupyterHub.log_level = 'DEBUG' says more",
    "JupyterHub.forwarded_host_header": "no version of JupyterHub uses it",
    "JupyterHub.generate_certs": _NO_TLS_INSIDE,
    "JupyterHub.generate_config": "a choice of the command line",
    "JupyterHub.jinja_environment_options": "templates are set up for safety, and so for good",
    "JupyterHub.show_config": "a choice of the command line",
    "JupyterHub.show_config_json": "a choice of the command line",
    "CryptKeeper.n_threads": "what it seals is small, and sealed at once",
    "Spawner.oauth_roles": "use oauth_client_allowed_scopes",
}
"""Why JupyterHub's other options, by class or by trait, have nothing to act on here. All others are "not yet"."""


def reason(lineage: Sequence[str], name: str) -> str:
    """Of a trait that a class of this lineage has; "" if it may act some day."""
    for section in lineage:
        if found := REASONS.get(f"{section}.{name}") or REASONS.get(section):
            return found
    return ""
