"""The helper process that asks PAM and the system's user database one question, and ends.

Both may hang or crash for reasons of their own (a directory server that is away, a module that blocks); a
process can be killed for that. The question is a JSON object on stdin, the answer one on stdout. It is run as a
file, imports nothing of the hub, and keeps whatever modules print out of the answer.
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import resource
import sys
from typing import Any

import pamela  # type: ignore[import-untyped]

ABSENT = frozenset({3, 4, 5, 9, 26})  # PAM's service, system, buffer and authinfo_unavail errors, and abort
NOT_NOW = frozenset({6, 12, 13})  # permission denied, a new password is due, the account has expired


def log_in(asked: dict[str, Any]) -> dict[str, Any]:
    """`outcome`: known (with `name`), wrong, forbidden or absent (PAM itself could not say)."""
    name, password = asked["name"], asked["password"]
    secrets = (password, asked["otp"]) if asked["otp"] is not None else password
    options = {"service": asked["service"], "encoding": asked["encoding"]}
    try:
        pamela.authenticate(name, secrets, check=False, **options)
        if asked["check_account"]:
            pamela.check_account(name, **options)
    except pamela.PAMError as error:
        outcome = "absent" if error.errno in ABSENT else "forbidden" if error.errno in NOT_NOW else "wrong"
        return {"outcome": outcome, "reason": str(error)}
    if asked["normalize"]:
        name = pwd.getpwuid(pwd.getpwnam(name).pw_uid).pw_name
    elif is_another(name, name.lower()):
        return {"outcome": "forbidden", "reason": "another account has this name in lower case"}
    return {"outcome": "known", "name": name}


def is_another(name: str, lower: str) -> bool:
    """Whether the hub, which knows names in lower case, would take one person for another."""
    try:
        return name != lower and pwd.getpwnam(name).pw_uid != pwd.getpwnam(lower).pw_uid
    except KeyError:
        return False


def groups_of(asked: dict[str, Any]) -> dict[str, Any]:
    """Which of these groups the user is in; those that do not exist are no one's."""
    member_of = set(os.getgrouplist(asked["name"], pwd.getpwnam(asked["name"]).pw_gid))
    found = []
    for name in asked["groups"]:
        try:
            if grp.getgrnam(name).gr_gid in member_of:
                found.append(name)
        except KeyError:
            continue
    return {"groups": found}


def open_session(asked: dict[str, Any]) -> dict[str, Any]:
    pamela.open_session(asked["name"], service=asked["service"], encoding=asked["encoding"])
    return {}


def close_session(asked: dict[str, Any]) -> dict[str, Any]:
    pamela.close_session(asked["name"], service=asked["service"], encoding=asked["encoding"])
    return {}


QUESTIONS = {
    "log_in": log_in,
    "groups_of": groups_of,
    "open_session": open_session,
    "close_session": close_session,
}


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # it knows a password
    answer_to = os.dup(1)  # not inherited by what a module may start
    nothing = os.open(os.devnull, os.O_RDWR)
    asked = json.loads(sys.stdin.buffer.read())
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    answer = QUESTIONS[asked["question"]](asked)
    os.write(answer_to, json.dumps(answer).encode())


if __name__ == "__main__":
    main()
