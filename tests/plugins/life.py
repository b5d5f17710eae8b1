"""The life of a server of a plug-in's, with a hub that is killed and started again in the middle."""

from __future__ import annotations

from typing import Any

import requests

from tests.integration.hub import RealHub, wait_for


def start(
    hub: RealHub, user: str, server: str = "", *, options: dict[str, Any] | None = None, timeout: float = 60
) -> dict[str, Any]:
    """What the server, a page server, tells of itself through the public port, once it is ready."""
    hub.add_user(user)
    answer = hub.begin(user, server, json=options or {})
    assert answer.status_code in (201, 202), f"{answer.text}\n{hub.log()[-3000:]}"

    wait_ready(hub, user, server, timeout)
    return told(hub, user, server)


def wait_ready(hub: RealHub, user: str, server: str = "", timeout: float = 60) -> None:
    """Until it is ready; with what the hub has said if it never is."""

    def ready() -> bool:
        model = hub.server(user, server)
        assert not model["stopped"]
        return bool(model["ready"])

    try:
        wait_for(ready, timeout)
    except AssertionError as error:
        raise AssertionError(f"{hub.story(user, server)}\n{hub.log()[-6000:]}") from error


def log_in(hub: RealHub, name: str, password: str = "x") -> requests.Session | None:
    """A browser that is logged in; None if the hub shows its form again."""
    browser = requests.Session()
    browser.get(f"{hub.url}/hub/login", timeout=30)
    fields = {"username": name, "password": password, "_xsrf": browser.cookies["_xsrf"]}
    page = browser.post(f"{hub.url}/hub/login?next=/hub/token", data=fields, timeout=30)
    assert page.status_code in (200, 401, 403), f"{page.status_code}\n{hub.log()[-3000:]}"
    return browser if page.status_code == 200 and page.url.endswith("/hub/token") else None


def spawn_form(hub: RealHub, name: str) -> str:
    """The page on which this user chooses what to start."""
    browser = log_in(hub, name)
    assert browser is not None
    page = browser.get(f"{hub.url}/hub/spawn", timeout=30)
    assert page.status_code == 200, f"{page.status_code} {page.url}\n{hub.log()[-3000:]}"
    return page.text


def told(hub: RealHub, user: str, server: str = "") -> dict[str, Any]:
    answer = hub.page(user, server, rest="self")
    assert answer.status_code == 200, f"{answer.status_code} {answer.text[:500]}\n{hub.log()[-3000:]}"
    found: dict[str, Any] = answer.json()
    return found


def restart(hub: RealHub, user: str, server: str = "") -> dict[str, Any]:
    """Kill the hub, start it again; what the same user's server tells of itself once the new hub has adopted it."""
    hub.restart()
    wait_ready(hub, user, server)
    return told(hub, user, server)


def stop(hub: RealHub, user: str, server: str = "", timeout: float = 60) -> None:
    """Returns once nothing is left of it, as the hub sees it; the log is whole afterwards."""
    assert hub.end(user, server).status_code in (202, 204)
    hub.wait_stopped(user, server, timeout)
    hub.check_log()


def live(
    hub: RealHub, user: str, *, options: dict[str, Any] | None = None, timeout: float = 60
) -> dict[str, Any]:
    """Start, kill -9 of the hub, adoption, stop. What the server told of itself: the same before and after."""
    before = start(hub, user, options=options, timeout=timeout)
    assert restart(hub, user) == before
    assert "spawn-requested" not in hub.story(user)[1:], hub.story(user)
    stop(hub, user, timeout=timeout)
    return before
