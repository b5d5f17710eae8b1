"""What is wrong with a history. Each rule is a function of it alone, and says what it finds in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import attrgetter

from tests.chaos.history import Act, Done, History, Life, Outcome, Sight, Socket
from tests.chaos.schedule import AWAY, SHIM, Kind

Rule = Callable[[History], Iterator[str]]

LOG_LOST = 4  # the exit status of a hub whose log has gone
HANGS = 12.0  # seconds after which a proxy that is silent may be taken for one that hangs
PROXY_KILLS = frozenset({Kind.KILL_PROXY, Kind.KILL_BOTH})
ENDING = SHIM - {Kind.CLOCK} | {Kind.LOCK}  # a hub that starts may refuse to, while the log cannot be used


def faults(history: History) -> list[str]:
    """All that is wrong, rule by rule."""
    return [f"{rule.__name__}: {what}" for rule in RULES for what in rule(history)]


# --- what was acknowledged and what was refused ---


def every_answer_is_kept(history: History) -> Iterator[str]:
    """What was acknowledged is there, what was refused is not; what had no answer may be either, from then on."""
    by_subject = sorted(history.acts, key=attrgetter("subject", "at"))
    for subject, acts in groupby(by_subject, key=attrgetter("subject")):
        yield from _contradictions(subject, acts)


def _contradictions(subject: str, acts: Iterable[Act | Sight]) -> Iterator[str]:
    possible, late, last = {False}, set[bool](), "nothing had been asked"
    for one in acts:
        match one:
            case Act(outcome=Outcome.UNKNOWN):
                late.add(one.wants)
            case Act(outcome=Outcome.DONE):
                possible = {one.wants}
            case Sight() if one.present not in possible:
                yield f"{subject} is {_there(one.present)} at {one.at:.2f}, but {last}"
                possible = {one.present}
            case Sight():
                possible = {one.present}
        possible |= late
        if isinstance(one, Act):
            last = f"{_there(one.wants)} was asked at {one.at:.2f}: {one.outcome} ({one.status} {one.said[:80]})"


def _there(present: bool) -> str:
    return "there" if present else "not there"


def what_is_acknowledged_is_in_the_log(history: History) -> Iterator[str]:
    """But for servers: to start one that starts, or to stop one that is stopped, is done without an event."""
    recorded = {event.request for event in history.recorded}
    for act in _acts(history, Outcome.DONE):
        if act.request not in recorded and not act.subject.startswith("server/"):
            yield f"{act} is not in the log"


def what_is_refused_is_not_in_the_log(history: History) -> Iterator[str]:
    recorded = {event.request: event.type for event in history.recorded}
    for act in _acts(history, Outcome.REFUSED):
        if act.request in recorded:
            yield f"{act} has led to {recorded[act.request]}"


def no_answer_is_a_bug(history: History) -> Iterator[str]:
    for act in (one for one in history.acts if isinstance(one, Act)):
        if act.status == 500:
            yield f"{act}"


def _acts(history: History, outcome: Outcome) -> list[Act]:
    """Those that the hub itself has answered."""
    return [one for one in history.acts if isinstance(one, Act) and one.outcome is outcome and one.request]


# --- what lives ---


def no_socket_is_cut(history: History) -> Iterator[str]:
    """Except through a proxy that was killed, or that was stopped and could not be told from one that hangs."""
    for socket in history.sockets:
        if socket.cut and not any(_excuses(harm, socket, history.lives) for harm in history.harms):
            yield f"a WebSocket opened at {socket.opened:.2f} was cut at {socket.ended:.2f} ({socket.cut})"


def _excuses(harm: Done, socket: Socket, lives: Iterable[Life]) -> bool:
    if not socket.opened <= harm.at <= socket.ended:
        return False
    if harm.kind is Kind.FREEZE_PROXY:
        has_hung = harm.ended - harm.at > HANGS
        return has_hung or any(harm.at <= life.began <= harm.ended for life in lives)
    return harm.kind in PROXY_KILLS


def no_hub_ends_by_itself(history: History) -> Iterator[str]:
    """Except where its log has gone, or could not be used when it started."""
    for life in history.lives:
        if life.status is not None and not any(_explains(harm, life) for harm in history.harms):
            yield f"the hub of {life.began:.2f} ended by itself at {life.ended:.2f} with status {life.status}"


def _explains(harm: Done, life: Life) -> bool:
    if harm.kind in AWAY:
        return life.status == LOG_LOST and harm.at <= life.ended
    return harm.kind in ENDING and life.status == 1 and harm.at <= life.ended and harm.ended >= life.began


def a_log_that_goes_away_is_noticed(history: History) -> Iterator[str]:
    for harm in history.harms:
        if harm.kind in AWAY and not any(_notices(life, harm) for life in history.lives):
            yield f"{harm.kind} at {harm.at:.2f}, and the hub went on"


def _notices(life: Life, harm: Done) -> bool:
    return life.status == LOG_LOST and life.began <= harm.at <= life.ended


def no_server_runs_twice(history: History) -> Iterator[str]:
    yield from history.found.doubles


def each_server_that_should_run_is_one_process(history: History) -> Iterator[str]:
    for server, count in history.found.running:
        if count != 1:
            yield f"{server} is {count} processes"


def nothing_is_left(history: History) -> Iterator[str]:
    yield from history.found.strays


def all_comes_to_rest(history: History) -> Iterator[str]:
    yield from history.found.unsettled


def the_log_is_sound(history: History) -> Iterator[str]:
    yield from history.found.unsound


RULES: tuple[Rule, ...] = (
    every_answer_is_kept,
    what_is_acknowledged_is_in_the_log,
    what_is_refused_is_not_in_the_log,
    no_answer_is_a_bug,
    no_socket_is_cut,
    no_hub_ends_by_itself,
    a_log_that_goes_away_is_noticed,
    no_server_runs_twice,
    each_server_that_should_run_is_one_process,
    nothing_is_left,
    all_comes_to_rest,
    the_log_is_sound,
)
