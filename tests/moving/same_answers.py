"""What must be the same in the answers of two hubs, and what cannot be: ids of tokens, moments of now, words."""

from __future__ import annotations

from typing import Any

import requests

NOT_COMPARED = frozenset({"id", "token_id", "session_id", "last_activity", "auth_state"})
"""Each hub numbers in its own way, and sees with its own eyes who is active. Auth state: see its own test."""
UNORDERED = frozenset({"roles", "groups", "scopes", "users", "api_tokens"})


def comparable(answer: requests.Response) -> Any:
    """Status and content. Words of refusals are each hub's own."""
    if answer.status_code >= 400:
        return answer.status_code
    if answer.is_redirect:
        return answer.status_code, answer.headers["Location"].partition("?")[0]
    if answer.headers.get("Content-Type", "").startswith("application/json"):
        return answer.status_code, _plain(answer.json())
    return answer.status_code


def _plain(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        kept = {key: _plain(each, key) for key, each in sorted(value.items()) if key not in NOT_COMPARED}
        if str(kept.get("note", "")).startswith("Server at "):
            del kept["created"]  # the token of a server is as old as its start here, and a little older there
        if kept.get("routespec") == "/":
            del kept["target"]  # the hub itself
        return kept
    if isinstance(value, list):
        return (
            sorted((_plain(each) for each in value), key=repr) if name in UNORDERED else [*map(_plain, value)]
        )
    return value


def differences(theirs: Any, ours: Any, where: str = "") -> list[str]:
    """What is there and not here, or is another. Ours may tell more, such as scopes with groups resolved."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        found = [f"{where}.{key}: {theirs[key]!r} is missing" for key in theirs.keys() - ours.keys()]
        for key in theirs.keys() & ours.keys():
            found += differences(theirs[key], ours[key], f"{where}.{key}")
        return found
    if where.endswith(".scopes") and set(theirs) <= set(ours):
        more = set(ours) - set(theirs)
        return [
            f"{where}: {scope} is given here" for scope in more if not scope.startswith("access:servers!")
        ]
    if isinstance(theirs, list | tuple) and isinstance(ours, list | tuple) and len(theirs) == len(ours):
        pairs = enumerate(zip(theirs, ours, strict=True))
        return [one for at, (a, b) in pairs for one in differences(a, b, f"{where}[{at}]")]
    return [] if theirs == ours else [f"{where}: {theirs!r} there, {ours!r} here"]
