"""Jobs: what is done for many users, whoever looks. Asked for, read, listed, cancelled."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct
from quart import Response

from core.errors import ForbiddenError, InvalidError, LimitError, NotFoundError
from core.events.file.writer import Outcome
from core.events.log.tables import Tables
from core.job import Request
from core.naming.ids import new_id
from projections import groups, jobs, users
from projections.jobs import JobRow
from projections.users import UserRow
from web.bulk.acts import GROUP, SCOPES, Act, kind_of, may
from web.bulk.asker import TOKEN
from web.models.models import shown
from web.request.access import IDENTIFIED
from web.request.answers import empty, encode, reply
from web.request.context import body, by, caller, database, hub
from web.request.declared import Paged
from web.request.idempotency import idempotency_record
from web.request.routing import RouteGroup
from web.request.sent.paging import page, paged, wants_wrapping
from web.request.sent.timestamps import parse_timestamp
from web.request.steps import in_steps

endpoints = RouteGroup("jobs")

MOST_USERS = 10_000
MOST_OPEN = 20  # jobs of one caller
TRIES = 10  # in a row that bring nothing
MAX_KEY = 255
SEES_ALL = "admin:users"


class JobBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What to do for which users. `group`: which one they are to join. `due`: a timestamp; null: at once.

    `key`: of the caller's jobs with the same one only one can be open.
    """

    act: Act
    users: list[str]
    group: str | None = None
    due: str | None = None
    key: str = ""


class FailureModel(Struct):
    """`user`: null for one who is gone."""

    user: str | None
    message: str


class JobModel(Struct):
    """`done` and `failed`: how many of `total` users. `failures`: the first 200. `message`: what went wrong as a whole.

    `waiting`: it is not due yet, or will be tried again when it is. `asked_by`: the user who asked; null for one who is
    gone, a service, and the command line.
    """

    id: str
    act: Act
    state: Literal["waiting", "running", "done", "given up", "cancelled"]
    group: str | None
    total: int
    done: int
    failed: int
    failures: list[FailureModel]
    message: str
    asked: str
    due: str | None
    ended: str | None
    asked_by: str | None


@endpoints.post(
    "/jobs",
    access=IDENTIFIED,
    takes=JobBody,
    answers={201: JobModel},
    refusals=(404, 409),
)
async def request(**_: str) -> Response:
    """Have something done for many users: it goes on though nobody waits, and though the hub is killed.

    `start`: their default servers. `stop`: all their servers. `delete`: the users. `join`: they get into `group`.
    What the caller may is looked at now, and again for each of them when it is done.
    """
    asked = await body(JobBody)
    items = await _ids_of(asked)
    options = {TOKEN: caller().token_id} if caller().token_id else {}
    if asked.act == "join":
        options[GROUP] = _group_of(asked)
    if jobs.count(database(), caller().principal, only_open=True) >= MOST_OPEN:
        raise LimitError(f"You have {MOST_OPEN} open jobs, and may not have more.")
    due = None if asked.due is None else parse_timestamp(asked.due)
    job_id, key = new_id("j"), f"{caller().principal} {asked.key}" if asked.key else ""
    command = Request(kind_of(asked.act), items, options, due, key, TRIES)
    record = idempotency_record(
        lambda db: Outcome(201, encode(_model(db, _known(db, job_id), is_under_way=False)))
    )
    await hub().jobs.request(job_id, command, by=by(), idempotency=record)
    return reply(_shown(_known(database(), job_id)), 201)


@endpoints.get("/jobs", access=IDENTIFIED, answers={200: Paged(list[JobModel])})
async def listed(**_: str) -> Response:
    """A page of the caller's jobs, the newest first; those of all with `admin:users`."""
    asked, db = page(), database()
    whose = None if _sees_all() else caller().principal
    models = [_shown(row) for row in jobs.listed(db, whose, asked.offset, asked.limit)]
    return paged(models, asked, jobs.count(db, whose) if wants_wrapping() else 0)


@endpoints.get("/jobs/<job>", access=IDENTIFIED, answers={200: JobModel})
async def read(job: str) -> Response:
    """How far a job is."""
    return reply(_shown(_visible(job)))


@endpoints.delete("/jobs/<job>", access=IDENTIFIED, answers={204: None})
async def cancel(job: str) -> Response:
    """End a job with what has been done until now. One that has ended stays as it is."""
    await hub().jobs.cancel(_visible(job).id, by=by(), idempotency=idempotency_record(lambda _: Outcome(204)))
    return empty(204)


# --- what is asked for ---


async def _ids_of(asked: JobBody) -> tuple[str, ...]:
    if not 0 < len(asked.users) <= MOST_USERS:
        raise InvalidError(f"users names 1 to {MOST_USERS} users.")
    if len(asked.key) > MAX_KEY:
        raise InvalidError(f"A key has at most {MAX_KEY} characters.")
    if SCOPES[asked.act] not in caller().scopes.held:
        raise ForbiddenError(f"This needs the scope {SCOPES[asked.act]}.")
    return tuple(await in_steps(lambda name: _id_of(name, asked.act), asked.users))


def _id_of(name: str, act: Act) -> str:
    """Whoever may not know a user learns nothing from the refusal."""
    user = users.by_name(database(), hub().user_names.normalize(name))
    if user is None or not may(hub().rights, caller(), act, user):
        raise NotFoundError(f"There is no user named {name!r} of whom you may do that.")
    return user.id


def _group_of(asked: JobBody) -> str:
    group = groups.by_name(database(), asked.group or "")
    if group is None:
        raise NotFoundError(f"There is no group named {asked.group!r}.")
    return hub().bulk.group(group.id, caller()).id


# --- what there is ---


def _sees_all() -> bool:
    reach = caller().scopes.held.get(SEES_ALL)
    return reach is not None and reach.everywhere


def _known(db: Tables, job_id: str) -> JobRow:
    row = jobs.by_id(db, job_id)
    if row is None:
        raise NotFoundError("There is no such job.")
    return row


def _visible(job_id: str) -> JobRow:
    row = _known(database(), job_id)
    if row.principal != caller().principal and not _sees_all():
        raise NotFoundError("There is no such job.")
    return row


def _shown(row: JobRow) -> JobModel:
    return _model(database(), row, is_under_way=hub().jobs.is_under_way(row.id))


def _model(db: Tables, row: JobRow, *, is_under_way: bool) -> JobModel:
    """Also for the writer of the log, who knows of no request."""
    given = row.given()
    group = groups.by_id(db, str(given.get(GROUP, "")))
    return JobModel(
        row.id,
        row.kind.partition(".")[2],  # type: ignore[arg-type]  # one of the acts
        _state(row, is_under_way),
        None if group is None else group.name,
        row.total,
        row.done,
        row.failed,
        [FailureModel(_name(users.by_id(db, user)), why) for user, why in jobs.failures(db, row.id).items()],
        row.why,
        shown(row.asked),
        shown(row.due) if row.due else None,
        shown(row.ended) if row.ended else None,
        _asker(db, row.principal),
    )


def _asker(db: Tables, principal: str) -> str | None:
    kind, _, key = principal.partition("/")
    return _name(users.by_id(db, key)) if kind == "user" else None


def _state(row: JobRow, is_under_way: bool) -> Literal["waiting", "running", "done", "given up", "cancelled"]:
    if not row.is_open:
        return row.state  # type: ignore[return-value]  # what is not open is one of the others
    return "running" if is_under_way else "waiting"


def _name(user: UserRow | None) -> str | None:
    return None if user is None else user.name
