"""Starting, stopping and deleting many users' things, and putting many users into a group: the works of such jobs.

Each bears being called again for an item of which it is not known whether it was done.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from typing import Literal, get_args

from core.actors.hub_entities import Groups
from core.actors.job_run import HopelessError, JobRun
from core.actors.jobs import Work
from core.actors.servers.supervisor import Supervisor
from core.actors.user_deletion import UserDeletion
from core.errors import (
    AlreadyRunningError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    SpawnError,
    UnavailableError,
)
from core.events.log.tables import Tables
from core.group import Join
from core.scopes import Answer, Group, Resource, Server, User, check
from core.server import Queued, Spawning, Stopped, Stopping
from projections import groups, users
from projections.groups import GroupRow
from projections.servers import servers
from projections.users import UserRow
from web.bulk.asker import Askers
from web.rights.identity import Identity
from web.rights.rights import Rights
from web.servers.named import NamedServers
from web.servers.starting import Starting
from web.servers.stopping import Stopping as Stops
from web.sharing.granting import Granting

Act = Literal["start", "stop", "delete", "join"]
ACTS: tuple[Act, ...] = get_args(Act)
SCOPES: dict[Act, str] = {
    "start": "start:servers",
    "stop": "delete:servers",
    "delete": "delete:users",
    "join": "groups",
}
GROUP = "group"  # the option of a job that names the group to join, by its id
TOGETHER = 100  # users that join a group in one event


def may(rights: Rights, identity: Identity, act: Act, user: UserRow) -> bool:
    """Whether they may do this to that user, as far as it can be told before it is done; to join says nothing yet."""
    if act == "join":
        return True
    resource: Resource = Server(user.name, "") if act in ("start", "stop") else User(user.name)
    return check(identity.scopes, SCOPES[act], resource, rights.memberships) is Answer.ALLOWED


def kind_of(act: Act) -> str:
    """What such a job is called in the log."""
    return f"users.{act}"


class BulkActs:
    def __init__(
        self,
        db: Tables,
        rights: Rights,
        askers: Askers,
        granting: Granting,
        named: NamedServers,
        starting: Starting,
        stopping: Stops,
        supervisor: Supervisor,
        deletion: UserDeletion,
        group_entities: Groups,
    ) -> None:
        self._db = db
        self._rights = rights
        self._askers = askers
        self._granting = granting
        self._named = named
        self._starting = starting
        self._stopping = stopping
        self._supervisor = supervisor
        self._deletion = deletion
        self._groups = group_entities

    def works(self) -> Iterator[tuple[str, Work]]:
        """How each kind of job is done."""
        for act in ACTS:
            yield kind_of(act), getattr(self, act)

    async def start(self, run: JobRun) -> None:
        """The default server of each, until it is ready."""

        async def act(user_id: str) -> None:
            user, asker = self._user(user_id), self._askers.of(run)
            self._askers.check(asker, SCOPES["start"], Server(user.name, ""))
            server = self._named.known(user, "")
            with suppress(AlreadyRunningError):
                await self._starting.begin(user, server, by=run.by)
                await self._wait_started(server.id)

        self._askers.of(run)
        await run.each(act)

    async def _wait_started(self, server_id: str) -> None:
        """Raises SpawnError where it will not be ready."""
        state = await self._supervisor.actor(server_id).wait_until(
            lambda state: not isinstance(state, Queued | Spawning)
        )
        if isinstance(state, Stopped) and state.failure is not None:
            raise SpawnError(state.failure.reason)
        if isinstance(state, Stopped | Stopping):
            raise SpawnError("The start was cancelled.")

    async def stop(self, run: JobRun) -> None:
        """Every server of each, until it has stopped."""

        async def act(user_id: str) -> None:
            user, asker = self._user(user_id), self._askers.of(run)
            for server in servers.of_user(self._db, user_id):
                if server.is_active:
                    self._askers.check(asker, SCOPES["stop"], Server(user.name, server.name))
                    if not await self._stopping.stop(user, server, by=run.by, wait=math.inf):
                        raise UnavailableError("The hub is shutting down.")

        self._askers.of(run)
        await run.each(act)

    async def delete(self, run: JobRun) -> None:
        """Each of these users, with all that is theirs."""

        async def act(user_id: str) -> None:
            with suppress(NotFoundError):  # gone already
                user, asker = self._user(user_id), self._askers.of(run)
                self._askers.check(asker, SCOPES["delete"], User(user.name))
                if (asker.kind, asker.id) == ("user", user_id):
                    raise InvalidError("You cannot delete yourself.")
                await self._deletion.begin(user_id, by=run.by)
            await self._deletion.wait_gone(user_id)

        self._askers.of(run)
        await run.each(act)

    async def join(self, run: JobRun) -> None:
        """All of them become members of a group."""
        left = sorted(run.job.left)
        for begin in range(0, len(left), TOGETHER):
            group = self._group_of(run)
            some = left[begin : begin + TOGETHER]
            there = [user_id for user_id in some if users.by_id(self._db, user_id) is not None]
            await self._groups.ask(group.id, Join(tuple(there)), by=run.by)
            run.settle(*there)
            for user_id in set(some) - set(there):
                run.fail(user_id, "There is no such user.")

    def _group_of(self, run: JobRun) -> GroupRow:
        try:
            return self.group(str(run.job.options.get(GROUP, "")), self._askers.of(run))
        except (NotFoundError, ForbiddenError) as refusal:
            raise HopelessError(refusal.message) from None

    def group(self, group_id: str, asker: Identity) -> GroupRow:
        """The group, if they may put others into it. Raises NotFoundError, ForbiddenError."""
        group = groups.by_id(self._db, group_id)
        if group is None:
            raise NotFoundError("There is no such group.")
        self._askers.check(asker, SCOPES["join"], Group(group.name))
        roles = self._rights.roles_of_group(group.id)
        self._granting.check_may_grant(asker, roles, f"A place in {group.name}")
        return group

    def _user(self, user_id: str) -> UserRow:
        user = users.by_id(self._db, user_id)
        if user is None:
            raise NotFoundError("There is no such user.")
        return user
