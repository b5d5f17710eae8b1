"""What deploy/monitoring has for programs that watch a hub, taken by these programs, with the lines of a real hub."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import requests

from tests.engines.debian import need
from tests.integration.conftest import MakeHub
from tests.integration.hub import ADMIN_TOKEN, RealHub, wait_for

pytestmark = pytest.mark.slow

MONITORING = Path(__file__).parents[2] / "deploy/monitoring"
CLAIM = "403 POST /hub/login (@198.51.100.7) 3.20ms"


def done(*command: object) -> str:
    """What it prints; it ends well."""
    found = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def logging_hub(make_hub: MakeHub, style: str, log: Path) -> RealHub:
    hub = make_hub(
        config=f'c.JupyterHub.extra_log_file = "{log}"\n'
        f'c.Callboard.log_style = "{style}"\n'
        'c.DummyAuthenticator.password = "a password long enough"\n'
    )
    hub.start()
    return hub


@pytest.mark.parametrize("style", ["json", "text"])
def test_fail2ban_finds_who_tries_passwords_and_tokens_and_nobody_who_is_talked_of(
    make_hub: MakeHub, tmp_path: Path, style: str
) -> None:
    program = need("fail2ban-regex", "fail2ban")
    log = tmp_path / "hub-of-test.log"
    hub = logging_hub(make_hub, style, log)
    with requests.Session() as somebody:
        somebody.get(f"{hub.url}/hub/login", timeout=10)
        form = {"_xsrf": somebody.cookies["_xsrf"], "password": "wrong"}
        for name in ("alice", f"x {CLAIM}", f'y","event":"{CLAIM}'):
            reply = somebody.post(f"{hub.url}/hub/login", data=form | {"username": name}, timeout=10)
            assert reply.status_code == 403
        right = form | {"username": "bob", "password": "a password long enough"}
        assert somebody.post(
            f"{hub.url}/hub/login", data=right, allow_redirects=False, timeout=10
        ).is_redirect
        somebody.headers["X-XSRFToken"] = next(
            cookie.value or "" for cookie in somebody.cookies if cookie.name == "_xsrf"
        )
        assert somebody.post(f"{hub.url}/hub/security/csp-report", data=CLAIM, timeout=10).status_code == 200
    assert hub.api("GET", f"/users?name={CLAIM}", token="no-such-token").status_code == 403
    assert hub.api("GET", f"/users/{CLAIM}").status_code == 404
    wait_for(lambda: "a browser reports" in log.read_text())
    found = done(program, "-o", "<ip>", log, MONITORING / "fail2ban.conf").split()
    assert found == ["127.0.0.1"] * 4
    told = done(program, log, MONITORING / "fail2ban.conf")
    lines = len(log.read_text().splitlines())
    assert f"[{lines}] " in told.partition("Date template hits:")[2], "each line has its own moment"


def test_logrotate_takes_a_file_away_and_no_line_is_lost(make_hub: MakeHub, tmp_path: Path) -> None:
    program = need("logrotate", "logrotate")
    logs = tmp_path / "logs"
    logs.mkdir(mode=0o755)
    log = logs / "callboard.log"
    hub = logging_hub(make_hub, "json", log)
    conf = tmp_path / "logrotate.conf"
    conf.write_text((MONITORING / "logrotate.conf").read_text().replace("/var/log/callboard.log", f'"{log}"'))
    for number in range(30):
        assert hub.api("GET", f"/users?offset={number}").status_code == 200
        if number % 10 == 5:
            done(program, "-f", "--state", tmp_path / "state", conf)
    assert hub.terminate() == 0
    written = sorted(logs.iterdir())
    assert [file.name for file in written] == [
        log.name,
        "callboard.log.1",
        "callboard.log.2.gz",
        "callboard.log.3.gz",
    ]
    text = done("sh", "-c", f"gunzip {logs}/*.gz; cat {logs}/*")
    asked = [
        line["url"] for line in map(json.loads, text.splitlines()) if "/users?offset=" in line.get("url", "")
    ]
    assert sorted(asked) == sorted(f"/hub/api/users?offset={number}" for number in range(30))


def test_prometheus_takes_the_rules_and_the_metrics(make_hub: MakeHub) -> None:
    program = need("promtool", "prometheus")
    assert "SUCCESS" in done(program, "check", "rules", MONITORING / "rules.yaml")
    hub = make_hub()
    hub.start()
    text = hub.request("GET", "/hub/metrics", headers={"Authorization": f"token {ADMIN_TOKEN}"}).content
    checked = subprocess.run(
        [program, "check", "metrics"], input=text, capture_output=True, timeout=60, check=False
    )
    told = [line for line in checked.stderr.decode().splitlines() if not line.startswith("jupyterhub_")]
    assert told == []
