"""Which events of a log somebody wants to see, read in chunks."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from msgspec import Struct

from core.errors import NotFoundError
from core.events import codec
from core.events.file.reading import read_at, read_records
from core.events.log.tables import Tables
from core.events.record import Record
from projections.histories.about import about
from projections.histories.called import ever_called, servers_ever_called
from projections.histories.noted import positions_about
from web.history.of_request import of_request
from web.history.wanted import is_about

CHUNK = 500


class Choice(Struct, frozen=True):
    """`things`: `user/{id}` and their like, any of which an event is to be about; None: all. `principals`: likewise.

    `via`: of which credential, such as `command-line/root`; "": of any. `types`: as they are or with `*`; any of them.
    Empty: all. `request`: the HTTP request that they came of, or that led to them; "": any.
    """

    things: tuple[str, ...] | None = None
    types: tuple[str, ...] = ()
    principals: tuple[str, ...] | None = None
    request: str = ""
    via: str = ""

    def has(self, record: Record) -> bool:
        """Whether type and principal are chosen; whom it is about and of what it came has been seen to."""
        if self.via and record.by.via != self.via:
            return False
        if self.principals is not None and record.by.principal not in self.principals:
            return False
        tag = codec.tag_of(record.event)
        return not self.types or any(fnmatchcase(tag, wanted) for wanted in self.types)


def things_called(db: Tables, user: str, server: str) -> tuple[str, ...] | None:
    """All that ever bore the name of this user, or of this server (`alice/lab`; `alice/` for the default one).

    None: neither is named. Raises NotFoundError.
    """
    if not user and not server:
        return None
    if not server:
        return _found(ever_called(db, "user", user.lower()), f"user was ever named {user!r}")
    owner, _, name = server.partition("/")
    owners = _found(ever_called(db, "user", owner.lower()), f"user was ever named {owner!r}")
    return _found(servers_ever_called(db, owners, name), f"server was ever named {server!r}")


def principals_called(db: Tables, name: str) -> tuple[str, ...] | None:
    """`hub`, `import`, `service/ops`, or a user: `alice`, `user/alice`, `user/{id}`. Raises NotFoundError."""
    if not name:
        return None
    kind, _, rest = name.rpartition("/")
    if kind == "user":
        return (name, *ever_called(db, "user", rest.lower()))
    if kind or name in ("hub", "import"):
        return (name,)
    return _found(ever_called(db, "user", name.lower()), f"user was ever named {name!r}")


def _found(things: list[str], what: str) -> tuple[str, ...]:
    if not things:
        raise NotFoundError(f"No {what}.")
    return tuple(things)


def chosen(db: Tables, choice: Choice, after: int, upto: int) -> Iterator[Record]:
    """Those behind position `after` up to `upto`, in their order."""
    yield from filter(choice.has, _of_choice(db, choice, after, upto))


def _of_choice(db: Tables, choice: Choice, after: int, upto: int) -> Iterator[Record]:
    if not choice.request:
        return _in_order(db, choice.things, after, upto)
    found = of_request(db, choice.request, after, upto)
    if choice.things is None:
        return found
    things = frozenset(choice.things)
    return (record for record in found if is_about(things, about(db, record)))


def _in_order(db: Tables, things: tuple[str, ...] | None, after: int, upto: int) -> Iterator[Record]:
    while records := _chunk(db, things, after, upto):
        yield from (record for record in records if record.position <= upto)
        after = records[-1].position


def _chunk(db: Tables, things: tuple[str, ...] | None, after: int, upto: int) -> list[Record]:
    if things is None:
        return read_records(db, after, min(CHUNK, upto - after)) if after < upto else []
    return read_at(db, positions_about(db, things, after, upto, CHUNK))
