"""`callboard log` and `export`, on a log made in memory's manner: events put there by hand."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import projections
from core.events.activity import ActivityRecorded
from core.events.file.writer import Writer
from core.events.group import GroupCreated
from core.events.hub import HubStarted
from core.events.log.append_request import AppendRequest, Write
from core.events.record import HUB, By
from core.events.role import RoleGranted
from core.events.server import ServerStopped, SpawnAnswered, SpawnRequested, SpawnSucceeded, StopRequested
from core.events.session import SessionMovedIn
from core.events.share import ShareCodeIssued, ShareGranted, ShareRevoked
from core.events.token import TokenIssued
from core.events.user import ServerAdded, UserCreated, UserDeleted, UserRenamed
from web.cli import main
from web.commands.past import usage as usage_command
from web.commands.past.moments import parse_moment
from web.history.usage import KINDS

START = datetime(2026, 5, 4, 9, tzinfo=UTC)
ALICE = By("user/u1", "t1", "r1")


def spawned(name: str) -> list[Any]:
    requested = SpawnRequested("s1", "u1", name, "lab", f"/user/{name}/lab/", {"image": "x"}, "digest-of-s1")
    return [requested, SpawnAnswered("s1", "http://127.0.0.1:1"), SpawnSucceeded("s1")]


HISTORY: list[tuple[By, str, int, list[Any]]] = [
    (HUB, "hub", 0, [HubStarted("0.1", "i1", 7)]),
    (HUB, "user/u1", 0, [UserCreated("alice", "v1", admin=True)]),
    (By("hub", "command-line/root"), "token/t1", 0, [TokenIssued("user/u1", "digest-of-t1", ["inherit"])]),
    (ALICE, "user/u1", 1, [ServerAdded("v2", "lab")]),
    (ALICE, "server/v2", 0, spawned("alice")),
    (ALICE, "user/u2", 0, [UserCreated("bob", "v3")]),
    (ALICE, "server/v2", 3, [StopRequested("s1", reason="person"), ServerStopped("s1", 0)]),
    (By("service/ops"), "user/u1", 2, [UserRenamed("alicia")]),
    (HUB, "user/u2", 1, [UserDeleted()]),
    (HUB, "user/u3", 0, [UserCreated("bob", "v4")]),
]
"""One append a minute."""


@pytest.fixture
def log(tmp_path: Path) -> str:
    path = str(tmp_path / "log.sqlite")
    minutes = iter(range(100))
    writer = Writer(path, projections.ALL, lambda: START + timedelta(minutes=next(minutes)))
    for by, stream, version, events in HISTORY:
        unit = AppendRequest([Write(stream, version, events)], by)
        writer.commit([unit])
        assert unit.error is None
    writer.close()
    return path


def callboard(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def positions(log: str, *arguments: str) -> list[int]:
    """Which events are shown, as text and as JSON."""
    text = callboard("log", "--db", log, *arguments)
    objects = callboard("log", "--db", log, "--json", *arguments)
    assert (text.exit_code, objects.exit_code) == (0, 0), text.stderr
    found = [json.loads(line)["position"] for line in objects.stdout.splitlines()]
    assert [int(line.split()[0]) for line in text.stdout.splitlines()] == found
    return found


ALL = list(range(1, 14))


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ([], ALL),
        (["--user", "alice"], [2, 3, 4, 5, 6, 7, 9, 10, 11]),
        (["--user", "alicia"], [2, 3, 4, 5, 6, 7, 9, 10, 11]),
        (["--user", "ALICE", "--type", "user.*"], [2, 4, 11]),
        (["--user", "bob"], [8, 12, 13]),
        (["--server", "alice/lab"], [4, 5, 6, 7, 9, 10]),
        (["--server", "alicia/lab", "--type", "server.ready", "--type", "server.stopped"], [7, 10]),
        (["--server", "alice/"], []),
        (["--principal", "alice"], [4, 5, 6, 7, 8, 9, 10]),
        (["--principal", "user/alicia", "--type", "user.created"], [8]),
        (["--principal", "user/u1", "--type", "user.created"], [8]),
        (["--principal", "service/ops"], [11]),
        (["--principal", "hub"], [1, 2, 3, 12, 13]),
        (["--since", "2026-05-04T09:07Z"], [11, 12, 13]),
        (["--since", "2026-05-04 11:07+02:00"], [11, 12, 13]),
        (["--until", "2026-05-04 09:01"], [1, 2]),
        (["--since", "2026-05-04T09:03", "--until", "2026-05-04T09:04"], [4, 5, 6, 7]),
        (["--user", "alice", "--since", "2026-05-04T09:05"], [9, 10, 11]),
        (["--since", "1h"], []),
        (["-n", "2"], [12, 13]),
        (["--user", "alice", "--last", "1"], [11]),
        (["--last", "0"], []),
    ],
    ids=lambda value: " ".join(value) if value and isinstance(value[0], str) else None,
)
def test_what_is_chosen(log: str, arguments: list[str], found: list[int]) -> None:
    assert positions(log, *arguments) == found


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ("server.redy", "try server.ready"),
        ("server", "try server.*"),
        ("nonsense", "try access.*, activity.*, "),
        ("SERVER.*", "server.*"),
    ],
)
def test_a_type_that_nothing_can_be_of_is_told_apart_from_nothing_found(
    log: str, wanted: str, says: str
) -> None:
    told = callboard("log", "--db", log, "--type", wanted)
    assert (told.exit_code, told.stdout) == (2, "")
    assert says in told.stderr


def test_lines_name_people_as_they_were_called_then(log: str) -> None:
    lines = callboard("log", "--db", log).stdout.splitlines()
    told = [" ".join(line.split()) for line in lines]
    assert told[0] == "1 2026-05-04 09:00:00Z hub hub.started hub version=0.1 hub=i1 epoch=7"
    assert told[2].startswith(
        "3 2026-05-04 09:02:00Z command-line/root token.issued token of alice owner=alice"
    )
    assert told[4].startswith("5 2026-05-04 09:04:00Z alice server.spawn-requested alice/lab spawn_id=s1")
    assert told[10] == "11 2026-05-04 09:07:00Z service/ops user.renamed alicia name=alicia"
    assert not any("digest-of" in line for line in lines)


def test_lines_have_names_for_ids_within(tmp_path: Path) -> None:
    """Of shares, codes, logins, members and use, too; what nobody ever called anything stays as it is."""
    path = str(tmp_path / "log.sqlite")
    later = START + timedelta(days=1)
    history: list[tuple[str, int, list[Any]]] = [
        ("user/u1", 0, [UserCreated("alice", "v1"), ServerAdded("v2", "lab")]),
        ("user/u2", 0, [UserCreated("bob", "v3")]),
        ("group/g1", 0, [GroupCreated("class", ["u1", "u2"])]),
        ("share/h1", 0, [ShareGranted("u1", "v2", "user/u2", ["access:servers"])]),
        ("share/h2", 0, [ShareGranted("u1", "v1", "group/g1", ["access:servers"]), ShareRevoked()]),
        ("share-code/c1", 0, [ShareCodeIssued("u1", "v2", "digest", ["access:servers"], later)]),
        ("session/l1", 0, [SessionMovedIn("u2", "digest", later)]),
        ("activity", 0, [ActivityRecorded({"u1": START, "u2": START}, {"v2": START}, {"t9": START})]),
        ("role/team", 0, [RoleGranted(["user/u2", "group/g1", "service/ops"])]),
    ]
    writer = Writer(path, projections.ALL, lambda: START)
    for stream, version, events in history:
        unit = AppendRequest([Write(stream, version, events)], HUB)
        writer.commit([unit])
        assert unit.error is None
    writer.close()
    told = [" ".join(line.split()[4:]) for line in callboard("log", "--db", path).stdout.splitlines()]
    assert told == [
        "user.created alice name=alice default_server=alice/ admin=false",
        "user.server-added alice server=alice/lab name=lab",
        "user.created bob name=bob default_server=bob/ admin=false",
        "group.created group class name=class users=alice,bob",
        'share.granted share of alice/lab with bob owner=alice server=alice/lab grantee=bob scopes=["access:servers"]',
        "share.granted share of alice/ with group class owner=alice server=alice/ grantee=group class "
        'scopes=["access:servers"]',
        "share.revoked share of alice/ with group class",
        'share-code.issued code for alice/lab owner=alice server=alice/lab scopes=["access:servers"] '
        "expires_at=2026-05-05T09:00:00Z exchanged=0",
        "session.moved-in session of bob user=bob expires_at=2026-05-05T09:00:00Z",
        "activity.recorded activity users=alice,bob servers=alice/lab tokens=t9",
        "role.granted role/team holders=bob,group class,service/ops",
    ]


def test_json_has_the_whole_event(log: str) -> None:
    line = callboard("log", "--db", log, "--json", "--type", "server.stop-requested").stdout
    assert json.loads(line) == {
        "position": 9,
        "at": "2026-05-04T09:06:00.000000Z",
        "type": "server.stop-requested",
        "stream": "server/v2",
        "version": 4,
        "principal": "user/u1",
        "via": "t1",
        "request": "r1",
        "cause": None,
        "event": {"type": "server.stop-requested", "spawn_id": "s1", "why": "", "reason": "person"},
    }


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--user", "carol"], 1, "callboard: No user was ever named 'carol'.\n"),
        (["--server", "alice/gpu"], 1, "callboard: No server was ever named 'alice/gpu'.\n"),
        (["--principal", "carol"], 1, "callboard: No user was ever named 'carol'.\n"),
        (["--since", "yesteryear"], 2, "is no time"),
    ],
)
def test_what_cannot_be_chosen(log: str, arguments: list[str], code: int, says: str) -> None:
    said = callboard("log", "--db", log, *arguments)
    assert (said.exit_code, said.stdout) == (code, "")
    assert says in said.stderr


NOW = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("09:03", datetime(2026, 5, 4, 9, 3, tzinfo=UTC)),
        ("2026-05-03", datetime(2026, 5, 3, tzinfo=UTC)),
        ("2026-05-03T10:00:00.5+02:00", datetime(2026, 5, 3, 8, 0, 0, 500_000, tzinfo=UTC)),
        ("2h", NOW - timedelta(hours=2)),
        ("30 min ago", NOW - timedelta(minutes=30)),
        ("1w", NOW - timedelta(days=7)),
        ("99999999999999w", None),
        ("soon", None),
    ],
)
def test_moments(text: str, moment: datetime | None) -> None:
    assert parse_moment(text, NOW) == moment


# --- export ---


def exported(log: str, *arguments: str) -> str:
    said = callboard("export", "--db", log, *arguments)
    assert said.exit_code == 0, said.stderr
    return said.stdout


def test_events_are_exported_as_they_are_stored(log: str, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in exported(log, "events").splitlines()]
    assert [line["position"] for line in lines] == ALL
    assert lines[0]["payload"] == {"type": "hub.started", "version": "0.1", "hub": "i1", "epoch": 7}
    assert len(lines[0]["digest"]) == 64
    file = tmp_path / "events.csv"
    assert exported(log, "events", "--csv", "-o", str(file)) == ""
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert [int(row["position"]) for row in rows] == ALL
    assert json.loads(rows[0]["payload"]) == lines[0]["payload"]
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_is_exported_may_be_of_a_time_past(log: str) -> None:
    """The same command, of the tables as they were: here, before anything happened, and behind the last event."""
    types = [json.loads(line)["type"] for line in exported(log, "events").splitlines()]
    first, head = types.index("user.created"), len(types)
    for kind in ("events", "users", "servers", "groups", "services"):
        assert exported(log, kind, "--at", "0") == ""
        assert exported(log, kind, "--at", str(head)) == exported(log, kind)
    assert exported(log, "events", "--at", "1") == exported(log, "events").splitlines(keepends=True)[0]
    assert [len(exported(log, "users", "--at", str(at)).splitlines()) for at in (first, first + 1)] == [0, 1]


def test_models_are_exported(log: str) -> None:
    users = [json.loads(line) for line in exported(log, "users").splitlines()]
    assert [(user["name"], user["admin"], sorted(user["servers"])) for user in users] == [
        ("alicia", True, ["", "lab"]),
        ("bob", False, [""]),
    ]
    rows = list(csv.DictReader(exported(log, "servers", "--csv").splitlines()))
    assert [(row["user"], row["name"], row["stopped"]) for row in rows] == [
        ("alicia", "", "true"),
        ("alicia", "lab", "true"),
        ("bob", "", "true"),
    ]
    assert exported(log, "groups") == exported(log, "services", "--csv") == ""


# --- replay ---


def replayed(log: str, *arguments: str) -> Any:
    said = callboard("replay", "--db", log, *arguments)
    assert said.exit_code == 0, said.stderr
    return json.loads(said.stdout)


def test_what_was_true_then(log: str) -> None:
    assert replayed(log, "--at", "5", "--server", "alice/lab")["pending"] == "spawn"
    assert replayed(log, "--at", "2026-05-04T09:04", "--server", "alice/lab")["ready"] is True
    assert replayed(log, "--server", "alicia/lab", "--json")["stopped"] is True
    then = replayed(log, "--at", "8")
    assert (then["position"], then["at"]) == (8, "2026-05-04T09:05:00.000000Z")
    assert [user["name"] for user in then["users"]] == ["alice", "bob"]
    assert then["groups"] == then["services"] == []
    assert replayed(log, "--at", "2020-01-01")["users"] == []


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--at", "14"], 2, "the log has 13 events"),
        (["--at", "soon"], 2, "is no position"),
        (["--at", "1", "--user", "alice"], 1, "There is no user named 'alice'."),
        (["--at", "2", "--server", "alice/lab"], 1, "alice has no server named 'lab'."),
    ],
)
def test_what_never_was(log: str, arguments: list[str], code: int, says: str) -> None:
    said = callboard("replay", "--db", log, *arguments)
    assert (said.exit_code, said.stdout) == (code, "")
    assert says in said.stderr


# --- usage ---


def test_usage_is_printed_as_a_table_as_csv_and_as_json(log: str) -> None:
    """Server v2 was ready from 09:04 to 09:06, and alice is called alicia since."""
    month = ("--since", "2026-05-01", "--until", "2026-06-01")
    table = callboard("usage", "--db", log, "--by", "server", *month).stdout.splitlines()
    assert table[0].split() == ["server", "hours", "starts", "failed", "median", "95%"]
    assert [line.split()[:3] for line in table[1:]] == [["alicia/lab", "0.03", "1"], ["all", "0.03", "1"]]
    rows = list(csv.DictReader(callboard("usage", "--db", log, "--csv", *month).stdout.splitlines()))
    assert [(row["name"], row["hours"], row["failed"]) for row in rows] == [("alicia", "0.0333", "0")]
    found = json.loads(callboard("usage", "--db", log, "--json", *month).stdout)
    assert (found["by"], found["total"]["hours"], found["since"]) == (
        "user",
        0.0333,
        "2026-05-01T00:00:00.000000Z",
    )


def test_usage_of_no_time_is_refused(log: str) -> None:
    refused = callboard("usage", "--db", log, "--since", "2026-05-02", "--until", "2026-05-01")
    assert (refused.exit_code, "--since is not before --until" in refused.stderr) == (2, True)


def test_what_came_of_a_request_is_found_by_its_number(log: str) -> None:
    assert positions(log, "--request", "r1") == [4, 5, 6, 7, 8, 9, 10]
    assert positions(log, "--request", "r1", "--type", "user.*") == [4, 8]
    assert positions(log, "--request", "no-such") == []


def test_the_command_sums_up_by_all_that_the_hub_does() -> None:
    assert usage_command.KINDS == KINDS
