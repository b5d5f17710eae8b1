"""What deploy/ has for those who run a hub: names that exist, lines that match, configurations that load."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory
from web.cli import main

DEPLOY = Path(__file__).parents[2] / "deploy"
_METRIC = re.compile(r"\b(?:jupyterhub|callboard|process)_[a-z0-9_]+")
_LABELS = re.compile(r'\{[^}]*\}|"[^"]*"')


def expressions() -> dict[str, str]:
    """Every query of rules and dashboard, by what it is for."""
    rules = yaml.safe_load((DEPLOY / "monitoring/rules.yaml").read_text())
    panels = json.loads((DEPLOY / "monitoring/grafana.json").read_text())["panels"]
    found = {rule["alert"]: rule["expr"] for group in rules["groups"] for rule in group["rules"]}
    for panel in panels:
        for target in panel["targets"]:
            found[f"{panel['title']} {target['refId']}"] = target["expr"]
    return found


@pytest.mark.parametrize("name", expressions())
async def test_every_query_names_a_metric_that_there_is(name: str, autojump_clock: object) -> None:
    async with hub_in_memory() as hub, Client(hub, ADMIN_TOKEN) as client:
        await client.get("/users")
        text = (await client.get("/metrics")).text
    known = {line.split(" ")[0].partition("{")[0] for line in text.splitlines() if not line.startswith("#")}
    families = {line.split(" ")[2] for line in text.splitlines() if line.startswith("# TYPE")}
    asked = set(_METRIC.findall(_LABELS.sub("", expressions()[name])))
    assert asked or "up" in expressions()[name]
    for metric in asked:
        family = re.sub(r"_(bucket|count|sum|total)$", "", metric)
        assert metric in known or metric in families or family in families, metric


LINES = [
    '{"event":"403 POST /hub/login (@203.0.113.9) 3.20ms","level":"warning"}',
    '{"event":"403 POST /base/hub/login?next=/ (@203.0.113.9) 3.20ms","level":"warning"}',
    '{"event":"403 GET /hub/api/users (@203.0.113.9) 0.10ms","level":"warning"}',
    '{"event":"403 GET /hub/api/users (@2001:db8::9) 0.10ms","level":"warning"}',
    'hub callboard[17]: {"event":"403 POST /hub/login (@203.0.113.9) 3.20ms","level":"warning"}',
    "2026-05-04 12:00:00 [warning  ] 403 POST /hub/login (@203.0.113.9) 3.20ms [callboard.http]",
    "2026-05-04 12:00:00 [warning  ] 403 GET /hub/api/users?limit=3 (@203.0.113.9) 0.10ms [callboard.http]",
    " [warning  ] 403 POST /hub/login (@203.0.113.9) 3.20ms [callboard.http]",  # fail2ban cuts the date out
]
# What somebody else sends is quoted in some lines: nobody has an address banned by it.
CLAIM = "403 POST /hub/login (@203.0.113.9) 3.20ms"
HARMLESS = [
    '{"event":"302 POST /hub/login (alice@203.0.113.9) 3.20ms"}',
    '{"event":"403 GET /hub/admin (bob@203.0.113.9) 0.1ms"}',
    '{"event":"403 GET /hub/api/users (bob@203.0.113.9) 0.1ms"}',
    json.dumps({"event": f"a browser reports a violation of the policy: b'{CLAIM}'"}),
    json.dumps({"event": f'a login under a name that cannot be: \n{{"event": "{CLAIM}'}),
    f"2026-05-04 12:00:00 [warning  ] a browser reports a violation of the policy: b'{CLAIM}'",
    f"2026-05-04 12:00:00 [warning  ] a login under a name that cannot be: [warning  ] {CLAIM}",
]
_ADDRESS = r"(?P<host>[0-9a-f.:]+)"


def banned(line: str) -> str | None:
    """Whom fail2ban would look at for this line."""
    text = (DEPLOY / "monitoring/fail2ban.conf").read_text()
    (begins,) = re.findall(r"^_begins = (.*)$", text, re.MULTILINE)
    (lines,) = re.findall(r"^failregex = (.*?)^ignoreregex", text, re.MULTILINE | re.DOTALL)
    for pattern in lines.replace("%(_begins)s", begins).splitlines():
        if found := re.search(pattern.strip().replace("<ADDR>", _ADDRESS), line):
            return found["host"]
    return None


@pytest.mark.parametrize("line", LINES)
def test_who_tries_passwords_or_tokens_is_found(line: str) -> None:
    assert banned(line) in ("203.0.113.9", "2001:db8::9")


@pytest.mark.parametrize("line", HARMLESS)
def test_who_is_known_or_only_talked_of_is_not(line: str) -> None:
    assert banned(line) is None


async def test_the_lines_are_those_of_a_hub(autojump_clock: object, caplog: pytest.LogCaptureFixture) -> None:
    async with hub_in_memory() as hub:
        await Client(hub, "no-token-at-all").get("/users")
    (line,) = [record.getMessage() for record in caplog.records if "/hub/api/users" in record.getMessage()]
    for line_of_log in (
        json.dumps({"event": line}),
        f"2026-05-04 12:00:00 [warning  ] {line} [callboard.http]",
    ):
        assert banned(line_of_log) == "127.0.0.1"


def test_the_containers_configuration_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_PASSWORD", "a password long enough")
    done = CliRunner().invoke(main, ["--show-config", "-f", str(DEPLOY / "container/hub_config.py")])
    assert (done.exit_code, done.stderr) == (0, "")
    assert "callboard-docker" in done.stdout


def test_the_files_of_containers_name_files_that_there_are() -> None:
    compose = yaml.safe_load((DEPLOY / "container/compose.yaml").read_text())
    for service in compose["services"].values():
        assert (DEPLOY / "container" / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    copied = re.findall(r"^COPY (?!--)(.*) \S+$", (DEPLOY / "container/Dockerfile").read_text(), re.MULTILINE)
    assert copied
    for word in " ".join(copied).split():
        assert (DEPLOY.parent / word).exists()
