"""Users whom the authenticator would not have today."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

import pytest
import trio
from msgspec.structs import replace

from core.actors.background import do
from core.errors import HubError, InvalidError, UnavailableError
from core.settings import AuthenticatorSettings
from projections import users
from projections.users import Listing
from tests.conftest import hub_in_memory, settings_for_tests
from web.login.invalid_users import check_users


class Fussy:
    """Has those only whose names are in `valid`."""

    def __init__(self, valid: set[str], trouble: HubError | None = None) -> None:
        self._valid = valid
        self._trouble = trouble

    async def authenticate(self, credentials: Any) -> None:
        return None

    async def check_new_user(self, name: str) -> None:
        await self.check_user(name)

    async def check_user(self, name: str) -> None:
        if self._trouble:
            raise self._trouble
        if name not in self._valid:
            raise InvalidError("gone")


@pytest.mark.parametrize(
    ("delete", "authenticator", "left", "says"),
    [
        (True, Fussy({"alice", "bob", "carol", "mallory"}), ["alice", "bob", "carol", "mallory"], ""),
        (True, Fussy({"alice", "bob"}), ["alice", "bob", "mallory"], "deleted: 'carol'"),
        (False, Fussy({"alice", "bob"}), ["alice", "bob", "carol", "mallory"], "delete_invalid_users = True"),
        (True, Fussy(set()), ["alice", "bob", "carol", "mallory"], "nobody is deleted"),
        (
            True,
            Fussy({"alice"}, UnavailableError("away")),
            ["alice", "bob", "carol", "mallory"],
            "not known: away",
        ),
    ],
)
async def test_who_is_left(delete, authenticator, left, says, caplog, autojump_clock):
    caplog.set_level(logging.WARNING, "callboard")
    settings = replace(
        settings_for_tests(),
        authenticator=AuthenticatorSettings(
            allowed_users={"alice", "bob", "carol", "mallory"},
            blocked_users={"mallory"},
            delete_invalid_users=delete,
        ),
    )
    async with hub_in_memory(settings) as hub:
        hub.logins.authenticator = authenticator
        await do(
            "who could log in is not known",
            partial(check_users, hub.store.db, hub.logins, hub.user_deletion, deletes=delete),
        )
        await trio.sleep(1)
        assert [row.name for row in users.listed(hub.store.db, Listing())] == left
    hub.store.close()
    assert says in caplog.text
    assert says or not caplog.text
