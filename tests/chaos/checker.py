"""What is wrong with a history. Each rule is a function of it alone, and says what it finds in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import attrgetter

from tests.chaos.history import History, HubProcess, InjectedFault, Operation, Outcome, Read, Socket
from tests.chaos.schedule import AWAY, SHIM, Kind

REPEATABLE = ("member", "server")
Rule = Callable[[History], Iterator[str]]

LOG_LOST = 4  # the exit status of a hub whose log has gone
HANGS = 12.0  # seconds after which a proxy that is silent may be taken for one that hangs
PROXY_KILLS = frozenset({Kind.KILL_PROXY, Kind.KILL_BOTH})
ENDING = SHIM - {Kind.CLOCK} | {Kind.LOCK}  # a hub that starts may refuse to, while the log cannot be used


def violations(history: History) -> list[str]:
    """All that is wrong, rule by rule."""
    return [f"{rule.__name__}: {what}" for rule in RULES for what in rule(history)]


# --- what was acknowledged and what was refused ---


def every_answer_is_kept(history: History) -> Iterator[str]:
    """What was acknowledged is there, what was refused is not; what had no answer may be either, from then on."""
    by_subject = sorted(history.operations, key=attrgetter("subject", "at"))
    for subject, operations in groupby(by_subject, key=attrgetter("subject")):
        yield from _contradictions(subject, operations)


def _contradictions(subject: str, operations: Iterable[Operation | Read]) -> Iterator[str]:
    possible, late, last = {False}, set[bool](), "nothing had been asked"
    for one in operations:
        match one:
            case Operation(outcome=Outcome.UNKNOWN):
                late.add(one.wants)
            case Operation(outcome=Outcome.DONE):
                possible = {one.wants}
            case Read() if one.present not in possible:
                yield f"{subject} is {_there(one.present)} at {one.at:.2f}, but {last}"
                possible = {one.present}
            case Read():
                possible = {one.present}
        possible |= late
        if isinstance(one, Operation):
            last = (
                f"{_there(one.wants)} was asked at {one.at:.2f}: {one.outcome} ({one.status} {one.said[:80]})"
            )


def _there(present: bool) -> str:
    return "there" if present else "not there"


def what_is_acknowledged_is_in_the_log(history: History) -> Iterator[str]:
    """But for what is so already: a server that starts is started, a member is made one, without an event."""
    recorded = {event.request for event in history.recorded}
    for operation in _operations(history, Outcome.DONE):
        if operation.request not in recorded and operation.subject.partition("/")[0] not in REPEATABLE:
            yield f"{operation} is not in the log"


def what_is_refused_is_not_in_the_log(history: History) -> Iterator[str]:
    recorded = {event.request: event.type for event in history.recorded}
    for operation in _operations(history, Outcome.REFUSED):
        if operation.request in recorded:
            yield f"{operation} has led to {recorded[operation.request]}"


def no_answer_is_a_bug(history: History) -> Iterator[str]:
    for operation in (one for one in history.operations if isinstance(one, Operation)):
        if operation.status == 500:
            yield f"{operation}"


def _operations(history: History, outcome: Outcome) -> list[Operation]:
    """Those that the hub itself has answered."""
    return [
        one
        for one in history.operations
        if isinstance(one, Operation) and one.outcome is outcome and one.request
    ]


# --- what lives ---


def every_page_is_of_its_own_server(history: History) -> Iterator[str]:
    """Or of the user's default server, below whose path the others are."""
    for page in history.pages:
        if not page.asked.startswith(page.answered):
            yield f"{page.asked} was answered by the server of {page.answered} at {page.at:.2f}"


def no_socket_is_cut(history: History) -> Iterator[str]:
    """Except through a proxy that was killed, or that was stopped and could not be told from one that hangs."""
    for socket in history.sockets:
        if socket.cut and not any(_excuses(fault, socket, history.hub_processes) for fault in history.faults):
            yield f"a WebSocket opened at {socket.opened:.2f} was cut at {socket.ended:.2f} ({socket.cut})"


def _excuses(fault: InjectedFault, socket: Socket, hub_processes: Iterable[HubProcess]) -> bool:
    if fault.ended < socket.opened or socket.ended < fault.at:
        return False
    if fault.kind is Kind.FREEZE_PROXY:
        has_hung = fault.ended - fault.at > HANGS
        return has_hung or any(fault.at <= process.began <= fault.ended for process in hub_processes)
    return fault.kind in PROXY_KILLS


def no_hub_ends_by_itself(history: History) -> Iterator[str]:
    """Except where its log has gone, or could not be used when it started."""
    for process in history.hub_processes:
        if process.status is not None and not any(_explains(fault, process) for fault in history.faults):
            yield f"the hub of {process.began:.2f} ended by itself at {process.ended:.2f} with status {process.status}"


def _explains(fault: InjectedFault, process: HubProcess) -> bool:
    if fault.kind in AWAY:
        return process.status == LOG_LOST and fault.at <= process.ended
    return (
        fault.kind in ENDING
        and process.status == 1
        and fault.at <= process.ended
        and fault.ended >= process.began
    )


def a_log_that_goes_away_is_noticed(history: History) -> Iterator[str]:
    for fault in history.faults:
        if fault.kind in AWAY and not any(_notices(process, fault) for process in history.hub_processes):
            yield f"{fault.kind} at {fault.at:.2f}, and the hub went on"


def _notices(process: HubProcess, fault: InjectedFault) -> bool:
    return process.status == LOG_LOST and process.began <= fault.at <= process.ended


def no_server_runs_twice(history: History) -> Iterator[str]:
    yield from history.final.doubles


def each_server_that_should_run_is_one_process(history: History) -> Iterator[str]:
    for server, count in history.final.running:
        if count != 1:
            yield f"{server} is {count} processes"


def nothing_is_left(history: History) -> Iterator[str]:
    yield from history.final.strays


def all_comes_to_rest(history: History) -> Iterator[str]:
    yield from history.final.unsettled


def the_log_is_sound(history: History) -> Iterator[str]:
    yield from history.final.unsound


RULES: tuple[Rule, ...] = (
    every_answer_is_kept,
    what_is_acknowledged_is_in_the_log,
    what_is_refused_is_not_in_the_log,
    no_answer_is_a_bug,
    every_page_is_of_its_own_server,
    no_socket_is_cut,
    no_hub_ends_by_itself,
    a_log_that_goes_away_is_noticed,
    no_server_runs_twice,
    each_server_that_should_run_is_one_process,
    nothing_is_left,
    all_comes_to_rest,
    the_log_is_sound,
)
