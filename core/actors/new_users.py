"""What to append for users who are new: each is a stream of its own that nobody else can be writing yet."""

from __future__ import annotations

from collections.abc import Container, Iterable

from core.events.log.append_request import Write
from core.events.user import UserCreated, user_stream
from core.naming.ids import new_id


def creations(names: Iterable[str], *, admins: Container[str] = ()) -> list[Write]:
    return [
        Write(user_stream(new_id("u")), 0, [UserCreated(name, new_id("v"), name in admins)]) for name in names
    ]
