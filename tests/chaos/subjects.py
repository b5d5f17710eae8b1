"""How the REST API makes, removes and shows each kind of subject."""

from __future__ import annotations

from typing import Any, NamedTuple

GOING = ("spawn", "check")  # `pending` of a server that runs, or is to


class Call(NamedTuple):
    method: str
    path: str
    json: Any = None


def making(subject: str) -> Call:
    return Call("POST", *_path_and_body(subject))


def removing(subject: str) -> Call:
    return Call("DELETE", *_path_and_body(subject))


def _path_and_body(subject: str) -> tuple[str, Any]:
    match subject.split("/"):
        case ["member", group, user]:
            return f"/groups/{group}/users", {"users": [user]}
        case _:
            return _path(subject), None


def reading(subject: str) -> Call:
    return Call("GET", _path(subject))


def _path(subject: str) -> str:
    match subject.split("/"):
        case ["user", user]:
            return f"/users/{user}"
        case ["group", group] | ["member", group, _]:
            return f"/groups/{group}"
        case ["server", user, server]:
            return f"/users/{user}/servers/{server}"
        case ["token", user, token]:
            return f"/users/{user}/tokens/{token}"
        case _:
            raise AssertionError(subject)


def is_there(subject: str, model: Any) -> bool:
    """What a model that was found says of a subject."""
    match subject.split("/"):
        case ["member", _, user]:
            return user in model["users"]
        case ["server", _, _]:
            return bool(model["ready"]) or model["pending"] in GOING
        case _:
            return True
