"""The hub of `make hub`: where it listens."""

from __future__ import annotations

from pathlib import Path

import pytest

from spawners.configuration import load_settings

FILE = Path(__file__).parents[2] / "deploy/local/hub_config.py"


@pytest.mark.parametrize(("port", "found"), [("", (8000, 8081)), ("9000", (9000, 9001))])
def test_it_listens_at_another_port_if_one_is_named(
    port: str, found: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", port)
    settings, _ = load_settings([FILE], [])
    assert settings.hub.bind_url == f"http://127.0.0.1:{found[0]}/"
    assert settings.hub.hub_port == found[1]


def test_who_tries_it_out_may_share() -> None:
    settings, notes = load_settings([FILE], [])
    assert not notes
    (user,) = [role for role in settings.hub.load_roles if role["name"] == "user"]
    assert "shares!user" in user["scopes"]
