"""What `callboard doctor` finds, each thing broken once."""

from __future__ import annotations

import json
import shutil
import socket
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

import projections
from core.events.file import file_system
from core.events.file.writer import Writer
from core.secrets.secret_file import load_or_make_secret
from core.settings import ConfigError
from tests.integration.hub import free_ports
from tests.logs import commit, created
from web.cli import main
from web.commands.doctor import log as logs
from web.commands.doctor import machine, people

GOOD = """
c.JupyterHub.bind_url = "http://127.0.0.1:0/"
c.JupyterHub.public_url = "https://hub.example/"
c.JupyterHub.spawner_class = "simulated"
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "a password long enough"
c.Authenticator.allowed_users = {"alice"}
"""


def good() -> str:
    (port,) = free_ports(1)
    return f"{GOOD}c.JupyterHub.hub_port = {port}\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def examined(here: Path, config: str = "") -> tuple[int, dict[str, list[tuple[str, str]]]]:
    """The exit code, and by area what was found that is not well."""
    (here / "config.py").write_text(good() + config)
    done = CliRunner().invoke(main, ["doctor", "--json", "-f", "config.py"])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    found: dict[str, list[tuple[str, str]]] = {}
    for one in json.loads(done.stdout):
        if one["state"] != "ok":
            found.setdefault(one["area"], []).append((one["state"], one["text"]))
    return done.exit_code, found


def test_where_all_is_well_nothing_is_found_and_nothing_is_made(here: Path) -> None:
    assert examined(here) == (0, {})
    assert [path.name for path in here.iterdir()] == ["config.py"]


def test_a_person_reads_lines(here: Path) -> None:
    (here / "config.py").write_text(good())
    lines = CliRunner().invoke(main, ["doctor", "-f", "config.py"]).stdout.splitlines()
    assert {line.split()[0] for line in lines} == {"ok"}


def test_a_port_on_all_addresses_is_told_as_that(here: Path) -> None:
    (port,) = free_ports(1)
    (here / "config.py").write_text(f"{good()}c.JupyterHub.bind_url = 'http://:{port}'\n")
    said = CliRunner().invoke(main, ["doctor", "-f", "config.py"]).stdout
    assert f"Port {port} is free on all addresses." in said


@pytest.mark.parametrize(
    ("config", "area", "state", "words"),
    [
        ('c.JupyterHub.db_url = "sqlite:////nowhere/at/all.sqlite"', "log", "problem", "There is no folder"),
        ('c.JupyterHub.db_url = "sqlite://"', "log", "warning", "kept in memory"),
        ("c.JupyterHub.port = 'x'", "configuration", "problem", "port"),
        ("c.JupyterHub.nonsense = 1", "configuration", "warning", "do not act"),
        ('c.JupyterHub.ssl_cert = "a.pem"\nc.JupyterHub.ssl_key = "b.pem"', "https", "problem", "a.pem"),
        ('c.JupyterHub.public_url = ""', "https", "warning", "speaks http"),
        (
            'c.Authenticator.allowed_users = set()\nc.JupyterHub.authenticator_class = "pam"',
            "logins",
            "warning",
            "Nobody may log in",
        ),
        ("c.Proxy.should_start = False", "proxy", "warning", "no proxy serves at http://127.0.0.1:0/ yet"),
        (
            'c.JupyterHub.proxy_class = "configurable-http-proxy"\nc.ConfigurableHTTPProxy.command = "no-such-proxy"',
            "proxy",
            "problem",
            "there is no program 'no-such-proxy'",
        ),
        (
            "c.ConfigurableHTTPProxy.should_start = False",
            "proxy",
            "problem",
            "CONFIGPROXY_AUTH_TOKEN",
        ),
        (
            "c.ConfigurableHTTPProxy.should_start = False\nc.ConfigurableHTTPProxy.auth_token = 'x'\n"
            "c.ConfigurableHTTPProxy.api_url = 'http://127.0.0.1:1'",
            "proxy",
            "problem",
            "takes no connections",
        ),
        (
            'c.JupyterHub.spawner_class = "simple"\nc.Spawner.cmd = ["no-such-program"]',
            "servers",
            "problem",
            "no program 'no-such-program'",
        ),
        (
            'c.Callboard.spawner_profiles = {"a": {}, "b": {"spawner": "callboard-docker"}}\n'
            'c.DockerSpawner.docker_host = "unix:///nowhere/docker.sock"',
            "servers",
            "problem",
            "The spawner 'callboard-docker' cannot be asked",
        ),
        (
            'c.JupyterHub.authenticator_class = "pam"\nc.PAMAuthenticator.service = "no-such"',
            "logins",
            "problem",
            "no service 'no-such'",
        ),
    ],
)
def test_what_is_wrong_is_named(here: Path, config: str, area: str, state: str, words: str) -> None:
    code, found = examined(here, config)
    assert any(one == state and words in text for one, text in found[area]), found
    assert code == (1 if state == "problem" else 0)


def test_limits_that_nothing_keeps_processes_to(here: Path) -> None:
    assert "servers" not in examined(here, 'c.Spawner.mem_limit = "2G"')[1], "simulated ones are no processes"
    code, found = examined(
        here, 'c.JupyterHub.spawner_class = "simple"\nc.Spawner.cmd = ["sh"]\nc.Spawner.mem_limit = "2G"'
    )
    assert code == 0
    assert any("mem_limit" in text for _, text in found["servers"])


def test_which_configuration_is_looked_at(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "runs_already", lambda _: False)

    def told() -> tuple[str, str]:
        one = next(
            one
            for one in json.loads(CliRunner().invoke(main, ["doctor", "--json"]).stdout)
            if one["area"] == "configuration"
        )
        return one["state"], one["text"]

    assert told() == ("ok", "There is none, in this directory or named with -f.")
    monkeypatch.setattr(logs, "runs_already", lambda _: True)
    assert told()[0] == "warning", "that of the hub at work is another one"
    (here / "jupyterhub_config.py").write_text(good())
    assert told() == ("ok", "jupyterhub_config.py")


@pytest.mark.parametrize(
    ("mode", "content", "words"),
    [
        (0o644, "00" * 32, "others may use this secret"),
        (0o600, "", "expected 64 hexadecimal digits"),
        (0o600, "zz" * 32, "expected 64 hexadecimal digits"),
    ],
)
def test_a_secret_that_no_hub_would_take(here: Path, mode: int, content: str, words: str) -> None:
    """In the words that the hub would refuse to start with."""
    secret = here / "jupyterhub_cookie_secret"
    secret.write_text(content)
    secret.chmod(mode)
    code, found = examined(here)
    ((state, text),) = found["secret"]
    assert (code, state) == (1, "problem")
    assert words in text
    with pytest.raises(ConfigError, match=words):
        load_or_make_secret(secret, "")
    secret.write_text("00" * 32)
    secret.chmod(0o600)
    assert examined(here) == (0, {})


def test_a_folder_in_the_place_of_the_secret_and_a_place_where_none_can_be_made(here: Path) -> None:
    (here / "jupyterhub_cookie_secret").mkdir(mode=0o700)
    assert "is out of reach: Is a directory" in examined(here)[1]["secret"][0][1]
    code, found = examined(here, 'c.JupyterHub.cookie_secret_file = "/nowhere/at/all"')
    assert (code, found["secret"]) == (1, [("problem", "/nowhere/at/all cannot be made by this user.")])


def test_a_log_whose_secret_is_gone(here: Path) -> None:
    """Nothing keeps a hub from running; everybody is logged out."""
    writer = Writer(str(here / "callboard.sqlite"), projections.ALL, lambda: datetime.now(UTC))
    commit(writer, created(1))
    writer.close()
    code, found = examined(here)
    ((state, text),) = found["secret"]
    assert (code, state) == (0, "warning")
    assert "its secret file is gone" in text


@pytest.mark.parametrize(
    ("free", "state"), [(0, "problem"), (7 * 2**20, "problem"), (50 * 2**20, "warning"), (2**40, None)]
)
def test_a_disk_with_little_room(
    here: Path, monkeypatch: pytest.MonkeyPatch, free: int, state: str | None
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))
    code, found = examined(here)
    assert [one for one, _ in found.get("disk", [])] == ([state] if state else [])
    assert code == (1 if state == "problem" else 0)


def test_a_machine_without_pam(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "find_library", lambda name: None)
    code, found = examined(here, 'c.JupyterHub.authenticator_class = "pam"')
    assert (code, found["logins"]) == (1, [("problem", "There is no libpam on this machine.")])


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/_chp_healthz" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def test_a_proxy_of_somebody_elses_is_asked_whether_it_serves(here: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Healthy) as server:
        threading.Thread(target=server.serve_forever).start()
        place = (
            f'c.JupyterHub.bind_url = "http://127.0.0.1:{server.server_port}/"\nc.Proxy.should_start = False'
        )
        assert examined(here, place) == (0, {})
        server.shutdown()
    ((state, text),) = examined(here, place)[1]["proxy"]
    assert state == "warning"
    assert "no proxy serves at" in text


def test_a_port_that_is_taken(here: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, found = examined(here, f'c.JupyterHub.bind_url = "http://127.0.0.1:{port}/"')
    assert code == 1
    assert "Address already in use" in found["ports"][0][1]


def test_a_log_of_the_future_and_one_that_is_none(here: Path) -> None:
    ahead = datetime.now(UTC) + timedelta(days=1)
    writer = Writer(str(here / "callboard.sqlite"), projections.ALL, lambda: ahead)
    commit(writer, created(1))
    writer.close()
    assert "is in the future" in examined(here)[1]["clock"][0][1]
    (here / "other.sqlite").write_text("no log at all, but some text")
    code, found = examined(here, 'c.JupyterHub.db_url = "sqlite:///other.sqlite"')
    assert (code, found["log"][0][0]) == (1, "problem")


def test_a_disk_of_another_machine(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = here / "mounts"
    mounts.write_text("1 1 0:1 / / rw - nfs4 server:/export rw\n")
    monkeypatch.setattr(file_system, "MOUNTS", mounts)
    assert "is on nfs4" in examined(here)[1]["disk"][0][1]


def test_another_package_with_our_names(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"core": ["callboard", "some-core"], "web": ["callboard"]}
    monkeypatch.setattr(machine, "packages_distributions", lambda: known)
    code, found = examined(here)
    assert (code, found["packages"]) == (
        1,
        [("problem", "some-core installs a package 'core', as Callboard does.")],
    )


# --- certificates ---


@pytest.mark.parametrize(("days", "state"), [(-1, "problem"), (3, "warning"), (300, None)])
def test_until_when_a_certificate_is_good(here: Path, days: int, state: str | None) -> None:
    config = make_certificate(here, timedelta(days=days))
    found = examined(here, config)[1].get("https", [])
    assert [one for one, _ in found] == ([state] if state else [])


def test_a_key_of_another_certificate(here: Path) -> None:
    config = make_certificate(here, timedelta(days=300))
    (here / "key.pem").write_bytes(pem(ec.generate_private_key(ec.SECP256R1())))
    assert "is not the key of" in examined(here, config)[1]["https"][0][1]


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def make_certificate(here: Path, life: timedelta) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hub.example")]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=10))
        .not_valid_after(now + life)
        .sign(key, hashes.SHA256())
    )
    (here / "cert.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (here / "key.pem").write_bytes(pem(key))
    return f'c.JupyterHub.ssl_cert = "{here}/cert.pem"\nc.JupyterHub.ssl_key = "{here}/key.pem"\n'
