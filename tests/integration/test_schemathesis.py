"""Schemathesis makes requests of all kinds out of the OpenAPI document: the hub answers as documented, and stands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import MakeHub
from tests.integration.hub import ADMIN_TOKEN, BIN

pytestmark = pytest.mark.slow

SEED = 1
TIMEOUT = 300.0  # seconds; it takes 40

HUB = """
c.JupyterHub.spawner_class = "simulated"
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 1, "slow_stop_timeout": 1}
"""

# Names that exist, most of the time; what would end the hub is left out. Streams are left after some events, or after
# a second. A body of POST /proxy that makes no sense is taken for none, as JupyterHub does.
CONFIG = """
max-stream-events = 20
request-timeout = 10.0
continue-on-failure = true
warnings = false

[checks]
enabled = false
not_a_server_error.enabled = true
status_code_conformance.enabled = true
content_type_conformance.enabled = true
response_headers_conformance.enabled = true
response_schema_conformance.enabled = true
negative_data_rejection.enabled = true
unsupported_method.enabled = true
allow_header_conformance.enabled = true
use_after_free.enabled = true
ensure_resource_availability.enabled = true
ignored_auth.enabled = true
object_level_authorization.enabled = true

[dictionaries]
users.values = ["alice", "bob"]
servers.values = ["lab", "big"]
groups.values = ["students"]

[parameters]
"path.user" = { dictionary = "users", probability = 0.7 }
"path.owner" = { dictionary = "users", probability = 0.7 }
"path.server" = { dictionary = "servers", probability = 0.7 }
"path.name" = { dictionary = "servers", probability = 0.7 }
"path.group" = { dictionary = "groups", probability = 0.7 }

[[operations]]
include-path = ["/shutdown", "/hub/shutdown"]
enabled = false

[[operations]]
include-path = ["/events", "/users/{user}/events"]
request-timeout = 1.0

[[operations]]
include-name = "POST /proxy"
checks.negative_data_rejection.enabled = false
"""


def test_the_hub_answers_as_documented(make_hub: MakeHub, tmp_path: Path) -> None:
    hub = make_hub(config=HUB)
    hub.start()
    for user in ("alice", "bob"):
        hub.add_user(user)
        for server in ("lab", "big"):
            assert hub.api("PUT", f"/users/{user}/servers/{server}").status_code == 201
    assert hub.api("POST", "/groups/students", json={"users": ["alice"]}).status_code == 201
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)
    command = [
        *(sys.executable, "-W", "ignore", str(BIN / "schemathesis"), "--config-file", str(config)),
        *("run", f"{hub.hub_url}/hub/api/openapi.json", "--header", f"Authorization: token {ADMIN_TOKEN}"),
        *("--seed", str(SEED), "--max-examples", "10", "--no-color"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"level": "error"' not in hub.log()
    assert hub.api("GET", "/").status_code == 200
    hub.check_log()
