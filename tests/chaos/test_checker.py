"""Each rule is shown a history that breaks it, and one beside it that does not."""

from __future__ import annotations

import pytest

from tests.chaos.checker import RULES, violations
from tests.chaos.history import (
    FinalState,
    History,
    HubProcess,
    InjectedFault,
    Operation,
    Outcome,
    Page,
    Read,
    Recorded,
    Socket,
)
from tests.chaos.schedule import Kind

ALICE = "user/alice"
DONE, REFUSED, UNKNOWN = Outcome.DONE, Outcome.REFUSED, Outcome.UNKNOWN


def did(at: float, wants: bool, outcome: Outcome, subject: str = ALICE, **more: object) -> Operation:
    return Operation(at, subject, wants, outcome, **more)  # type: ignore[arg-type]


def read(at: float, present: bool, subject: str = ALICE) -> Read:
    return Read(at, subject, present)


def operations(*operations: Operation | Read) -> History:
    return History(operations=operations)


def socket(opened: float, ended: float, cut: str = "reset") -> tuple[Socket, ...]:
    return (Socket(opened, ended, cut),)


def ended(began: float, ended: float, status: int, *faults: InjectedFault) -> History:
    """A hub that ends by itself."""
    return History(hub_processes=(HubProcess(began, ended, status),), faults=faults)


BROKEN = {
    "every_answer_is_kept": {
        "what was acknowledged is lost": operations(did(1, True, DONE), read(2, False)),
        "what was acknowledged is lost, though nobody looked at once": operations(
            did(1, True, DONE), read(2, True), read(3, False)
        ),
        "what was refused is carried out": operations(did(1, True, REFUSED), read(2, True)),
        "what was refused is carried out later": operations(
            did(1, True, REFUSED), read(2, False), read(3, True)
        ),
        "a refused removal is carried out": operations(
            did(1, True, DONE), did(2, False, REFUSED), read(3, False)
        ),
        "what was removed is back": operations(did(1, True, DONE), did(2, False, DONE), read(3, True)),
        "what came into being by itself": operations(read(1, True)),
        "who knows not whether it was made knows what was seen of it, and nothing removes it": operations(
            did(1, True, UNKNOWN), read(2, True), read(3, False)
        ),
        "one subject is not another": operations(did(1, True, DONE, "user/bob"), read(2, True)),
    },
    "what_is_acknowledged_is_in_the_log": {
        "no event": operations(did(1, True, DONE, request="r1")),
        "an event of another request": History(
            (did(1, True, DONE, request="r1"),), recorded=(Recorded("user.created", "r2"),)
        ),
    },
    "what_is_refused_is_not_in_the_log": {
        "an event": History(
            (did(1, True, REFUSED, request="r1"),), recorded=(Recorded("user.created", "r1"),)
        ),
    },
    "no_answer_is_a_bug": {"500": operations(did(1, True, UNKNOWN, status=500))},
    "every_page_is_of_its_own_server": {
        "of another's": History(pages=(Page(1, "/user/alice/", "/user/bob/"),)),
        "of a named server": History(pages=(Page(1, "/user/alice/", "/user/alice/lab/"),)),
    },
    "no_socket_is_cut": {
        "without any fault": History(sockets=socket(1, 5)),
        "with the hub, whose end is no reason": History(
            sockets=socket(1, 5), faults=(InjectedFault(3, 3.1, Kind.KILL_HUB),)
        ),
        "before the proxy was killed": History(
            sockets=socket(1, 5), faults=(InjectedFault(6, 6, Kind.KILL_PROXY),)
        ),
        "after the proxy was killed, through the next one": History(
            sockets=socket(3, 5), faults=(InjectedFault(2, 2, Kind.KILL_PROXY),)
        ),
        "with a proxy that was stopped for a moment": History(
            sockets=socket(1, 5),
            faults=(InjectedFault(2, 4, Kind.FREEZE_PROXY),),
            hub_processes=(HubProcess(0, 9),),
        ),
    },
    "no_hub_ends_by_itself": {
        "without any fault": ended(0, 5, 1),
        "in good order": ended(0, 5, 0),
        "by a signal of nobody's": ended(0, 5, -11, InjectedFault(4, 6, Kind.FULL_DISK)),
        "after its disk had failed": ended(3, 5, 1, InjectedFault(1, 2, Kind.FAILING_WRITES)),
        "with its log where it was": ended(0, 5, 4, InjectedFault(4, 6, Kind.FULL_DISK)),
    },
    "a_log_that_goes_away_is_noticed": {
        "never": History(hub_processes=(HubProcess(0, 50),), faults=(InjectedFault(5, 20, Kind.MOVE_LOG),)),
        "by the next hub alone": History(
            hub_processes=(HubProcess(0, 6), HubProcess(7, 9, 4)),
            faults=(InjectedFault(5, 9, Kind.MOVE_WAL),),
        ),
    },
    "no_server_runs_twice": {"twice": History(final=FinalState(doubles=("2 beside 1",)))},
    "each_server_that_should_run_is_one_process": {
        "none": History(final=FinalState(running=(("alice", 0),))),
        "two": History(final=FinalState(running=(("alice", 2),))),
    },
    "nothing_is_left": {"a process": History(final=FinalState(strays=("77 /user/alice/",)))},
    "all_comes_to_rest": {"pending": History(final=FinalState(unsettled=("still pending: alice",)))},
    "the_log_is_sound": {"broken": History(final=FinalState(unsound=("the log is broken",)))},
}

SOUND = {
    "nothing": History(),
    "a page of the default server": History(pages=(Page(1, "/user/alice/lab/", "/user/alice/"),)),
    "a page of its own server": History(pages=(Page(1, "/user/alice/", "/user/alice/"),)),
    "there and gone": operations(did(1, True, DONE), read(2, True), did(3, False, DONE), read(4, False)),
    "no answer, and carried out": operations(did(1, True, UNKNOWN), read(2, True)),
    "no answer, and not carried out": operations(did(1, True, UNKNOWN), read(2, False)),
    "no answer, and carried out later": operations(did(1, True, UNKNOWN), read(2, False), read(3, True)),
    "no answer, and carried out after what came later": operations(
        did(1, True, DONE), did(2, False, UNKNOWN), did(3, True, DONE), read(4, False)
    ),
    "refused, and it stays as it was": operations(did(1, True, DONE), did(2, False, REFUSED), read(3, True)),
    "recorded": History((did(1, True, DONE, request="r1"),), recorded=(Recorded("user.created", "r1"),)),
    "a server that starts is started": operations(did(1, True, DONE, "server/alice", request="r1")),
    "refused for a reason": operations(did(1, True, REFUSED, status=503, request="r1")),
    "a socket that its client closed": History(sockets=socket(1, 5, "")),
    "a socket that went with its proxy": History(
        sockets=socket(1, 5), faults=(InjectedFault(5, 5, Kind.KILL_PROXY),)
    ),
    "a proxy that hung": History(
        sockets=socket(1, 30),
        faults=(InjectedFault(2, 20, Kind.FREEZE_PROXY),),
        hub_processes=(HubProcess(0, 40),),
    ),
    "a proxy that the next hub found stopped": History(
        sockets=socket(1, 5),
        faults=(InjectedFault(2, 4, Kind.FREEZE_PROXY),),
        hub_processes=(HubProcess(0, 2.5), HubProcess(3, 9)),
    ),
    "a hub that was killed": History(hub_processes=(HubProcess(0, 5), HubProcess(6, 9))),
    "a hub that cannot start while its disk fails": ended(3, 5, 1, InjectedFault(1, 4, Kind.FAILING_WRITES)),
    "a log that was moved": History(
        hub_processes=(HubProcess(0, 9, 4), HubProcess(9, 20)), faults=(InjectedFault(5, 9.1, Kind.MOVE_LOG),)
    ),
    "one process each": History(final=FinalState(running=(("alice", 1), ("bob", 1)))),
}


@pytest.mark.parametrize(
    ("rule", "history"),
    [
        pytest.param(rule, history, id=f"{rule}: {how}")
        for rule, histories in BROKEN.items()
        for how, history in histories.items()
    ],
)
def test_a_history_that_breaks_a_rule_is_found_by_that_rule(rule: str, history: History) -> None:
    assert {found.partition(":")[0] for found in violations(history)} == {rule}


@pytest.mark.parametrize("history", SOUND.values(), ids=SOUND)
def test_nothing_is_wrong_with_what_may_be(history: History) -> None:
    assert violations(history) == []


def test_each_rule_has_a_history_that_breaks_it() -> None:
    assert list(BROKEN) == [rule.__name__ for rule in RULES]
