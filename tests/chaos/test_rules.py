"""Each rule is shown a history that breaks it, and one beside it that does not."""

from __future__ import annotations

import pytest

from tests.chaos.history import Act, Done, Found, History, Life, Outcome, Recorded, Sight, Socket
from tests.chaos.rules import RULES, faults
from tests.chaos.schedule import Kind

ALICE = "user/alice"
DONE, REFUSED, UNKNOWN = Outcome.DONE, Outcome.REFUSED, Outcome.UNKNOWN


def did(at: float, wants: bool, outcome: Outcome, subject: str = ALICE, **more: object) -> Act:
    return Act(at, subject, wants, outcome, **more)  # type: ignore[arg-type]


def saw(at: float, present: bool, subject: str = ALICE) -> Sight:
    return Sight(at, subject, present)


def acts(*acts: Act | Sight) -> History:
    return History(acts=acts)


def socket(opened: float, ended: float, cut: str = "reset") -> tuple[Socket, ...]:
    return (Socket(opened, ended, cut),)


BROKEN = {
    "every_answer_is_kept": {
        "what was acknowledged is lost": acts(did(1, True, DONE), saw(2, False)),
        "what was acknowledged is lost, though nobody looked at once": acts(
            did(1, True, DONE), saw(2, True), saw(3, False)
        ),
        "what was refused is carried out": acts(did(1, True, REFUSED), saw(2, True)),
        "what was refused is carried out later": acts(did(1, True, REFUSED), saw(2, False), saw(3, True)),
        "a refused removal is carried out": acts(did(1, True, DONE), did(2, False, REFUSED), saw(3, False)),
        "what was removed is back": acts(did(1, True, DONE), did(2, False, DONE), saw(3, True)),
        "what came into being by itself": acts(saw(1, True)),
        "who knows not whether it was made knows what was seen of it, and nothing removes it": acts(
            did(1, True, UNKNOWN), saw(2, True), saw(3, False)
        ),
        "one subject is not another": acts(did(1, True, DONE, "user/bob"), saw(2, True)),
    },
    "what_is_acknowledged_is_in_the_log": {
        "no event": acts(did(1, True, DONE, request="r1")),
        "an event of another request": History(
            (did(1, True, DONE, request="r1"),), recorded=(Recorded("user.created", "r2"),)
        ),
    },
    "what_is_refused_is_not_in_the_log": {
        "an event": History(
            (did(1, True, REFUSED, request="r1"),), recorded=(Recorded("user.created", "r1"),)
        ),
    },
    "no_answer_is_a_bug": {"500": acts(did(1, True, UNKNOWN, status=500))},
    "no_socket_is_cut": {
        "without any harm": History(sockets=socket(1, 5)),
        "with the hub, whose end is no reason": History(
            sockets=socket(1, 5), harms=(Done(3, 3.1, Kind.KILL_HUB),)
        ),
        "before the proxy was killed": History(sockets=socket(1, 5), harms=(Done(6, 6, Kind.KILL_PROXY),)),
        "after the proxy was killed, through the next one": History(
            sockets=socket(3, 5), harms=(Done(2, 2, Kind.KILL_PROXY),)
        ),
        "with a proxy that was stopped for a moment": History(
            sockets=socket(1, 5), harms=(Done(2, 4, Kind.FREEZE_PROXY),), lives=(Life(0, 9),)
        ),
    },
    "no_hub_ends_by_itself": {
        "without any harm": History(lives=(Life(0, 5, 1),)),
        "in good order": History(lives=(Life(0, 5, 0),)),
        "by a signal of nobody's": History(lives=(Life(0, 5, -11),), harms=(Done(4, 6, Kind.FULL_DISK),)),
        "after its disk had failed": History(
            lives=(Life(3, 5, 1),), harms=(Done(1, 2, Kind.FAILING_WRITES),)
        ),
        "with its log where it was": History(lives=(Life(0, 5, 4),), harms=(Done(4, 6, Kind.FULL_DISK),)),
    },
    "a_log_that_goes_away_is_noticed": {
        "never": History(lives=(Life(0, 50),), harms=(Done(5, 20, Kind.MOVE_LOG),)),
        "by the next hub alone": History(
            lives=(Life(0, 6), Life(7, 9, 4)), harms=(Done(5, 9, Kind.MOVE_WAL),)
        ),
    },
    "no_server_runs_twice": {"twice": History(found=Found(doubles=("2 beside 1",)))},
    "each_server_that_should_run_is_one_process": {
        "none": History(found=Found(running=(("alice", 0),))),
        "two": History(found=Found(running=(("alice", 2),))),
    },
    "nothing_is_left": {"a process": History(found=Found(strays=("77 /user/alice/",)))},
    "all_comes_to_rest": {"pending": History(found=Found(unsettled=("still pending: alice",)))},
    "the_log_is_sound": {"broken": History(found=Found(unsound=("the log is broken",)))},
}

SOUND = {
    "nothing": History(),
    "there and gone": acts(did(1, True, DONE), saw(2, True), did(3, False, DONE), saw(4, False)),
    "no answer, and carried out": acts(did(1, True, UNKNOWN), saw(2, True)),
    "no answer, and not carried out": acts(did(1, True, UNKNOWN), saw(2, False)),
    "no answer, and carried out later": acts(did(1, True, UNKNOWN), saw(2, False), saw(3, True)),
    "no answer, and carried out after what came later": acts(
        did(1, True, DONE), did(2, False, UNKNOWN), did(3, True, DONE), saw(4, False)
    ),
    "refused, and it stays as it was": acts(did(1, True, DONE), did(2, False, REFUSED), saw(3, True)),
    "recorded": History((did(1, True, DONE, request="r1"),), recorded=(Recorded("user.created", "r1"),)),
    "a server that starts is started": acts(did(1, True, DONE, "server/alice", request="r1")),
    "refused for a reason": acts(did(1, True, REFUSED, status=503, request="r1")),
    "a socket that its client closed": History(sockets=socket(1, 5, "")),
    "a socket that went with its proxy": History(
        sockets=socket(1, 5), harms=(Done(5, 5, Kind.KILL_PROXY),)
    ),
    "a proxy that hung": History(
        sockets=socket(1, 30), harms=(Done(2, 20, Kind.FREEZE_PROXY),), lives=(Life(0, 40),)
    ),
    "a proxy that the next hub found stopped": History(
        sockets=socket(1, 5), harms=(Done(2, 4, Kind.FREEZE_PROXY),), lives=(Life(0, 2.5), Life(3, 9))
    ),
    "a hub that was killed": History(lives=(Life(0, 5), Life(6, 9))),
    "a hub that cannot start while its disk fails": History(
        lives=(Life(3, 5, 1),), harms=(Done(1, 4, Kind.FAILING_WRITES),)
    ),
    "a log that was moved": History(lives=(Life(0, 9, 4), Life(9, 20)), harms=(Done(5, 9.1, Kind.MOVE_LOG),)),
    "one process each": History(found=Found(running=(("alice", 1), ("bob", 1)))),
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
    assert {found.partition(":")[0] for found in faults(history)} == {rule}


@pytest.mark.parametrize("history", SOUND.values(), ids=SOUND)
def test_nothing_is_wrong_with_what_may_be(history: History) -> None:
    assert faults(history) == []


def test_each_rule_has_a_history_that_breaks_it() -> None:
    assert list(BROKEN) == [rule.__name__ for rule in RULES]
