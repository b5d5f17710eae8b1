"""Which requests that come with a browser's cookies need a proof that a page of the hub meant them: a table. Pure.

Every method but GET, HEAD and OPTIONS needs the token, on every route: it may change something. What asks by those
three needs what stands here, by the names of routes; all others are as `READS` says.
"""

from __future__ import annotations

from enum import Enum, auto

from msgspec import Struct


class Proof(Enum):
    """Of a GET. What each of them lets pass without the token is in `web/sessions/xsrf.py`."""

    READS = auto()  # somebody looks at it, or a page of the hub shows it
    VISIT = auto()  # somebody goes there, in a window of its own
    VISIT_OR_FRAME = auto()  # or a frame of some page does
    NONE = auto()  # none at all


class Line(Struct, frozen=True):
    proof: Proof
    reason: str


READS = Line(
    Proof.READS,
    "What is answered is for who is logged in, and for the hub's own pages: scripts of somebody's server, which is on "
    "the same host, must not read it with the cookies of whoever visits that server.",
)

EXCEPTIONS: dict[str, Line] = {
    "login.log_out": Line(
        Proof.VISIT, "It ends the session, and maybe servers: no image or fetch of another page shall."
    ),
    "spawn.show_own": Line(Proof.VISIT, "Without a form it starts a server."),
    "spawn.show": Line(Proof.VISIT, "Without a form it starts a server, maybe somebody else's."),
    "authorize.ask": Line(
        Proof.VISIT_OR_FRAME,
        "It hands out a code, to an address that is registered; a service that is shown in a frame of another page "
        "logs people in there.",
    ),
    "user_url.look_for": Line(
        Proof.NONE,
        "It says that a server is not running, or leads to where it is. A JupyterLab that was left open asks its own "
        "server, and is redirected here: only this answer makes it offer to start the server again.",
    ),
    "user_url.refuse": Line(
        Proof.NONE, "The same to HEAD and OPTIONS; other methods need the token here too."
    ),
}


def proof_of(route: str) -> Line:
    return EXCEPTIONS.get(route, READS)
