"""What Tab completes: names that a hub has, of a hub that answers at once, and nothing else."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.shell_completion import ShellComplete

from core.events import codec
from web.cli import main
from web.commands.asking import completion

HOSTILE = ("al$(touch pwned)", "al`id`", "al;id", "al id", "al*", "al'", "al\nid", "-al", "~al")
USERS = ("alice", "alan", "bob", "frank@example.com", *HOSTILE)


def server(name: str, *, ready: bool) -> dict[str, Any]:
    return {"name": name, "ready": ready, "url": "/", "progress_url": "/", "user_options": {}}


def user(name: str, *, stopped: bool) -> dict[str, Any]:
    servers = [server("lab", ready=True), *([server("old", ready=False)] if stopped else [])]
    return {"name": name, "admin": False, "groups": [], "servers": {one["name"]: one for one in servers}}


def page(items: list[Any]) -> dict[str, Any]:
    return {
        "items": items,
        "_pagination": {"offset": 0, "limit": 100, "total": len(items), "next": None},
    }


class SmallHub(BaseHTTPRequestHandler):
    """Answers as a hub does, to whoever has the token."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: value[0] for name, value in parse_qs(url.query).items()}
        body = self._found(url.path.removeprefix("/hub/api/"), query)
        is_known = self.headers["Authorization"] == "token right"
        self.send_response(200 if is_known else 403)
        self.end_headers()
        self.wfile.write(json.dumps(body if is_known else {"message": "no"}).encode())

    def _found(self, path: str, query: dict[str, str]) -> Any:
        match path.split("/"):
            case ["users"]:
                names = [name for name in USERS if query.get("name_filter", "") in name]
                active = query.get("state") == "active"
                return page([user(name, stopped=True) for name in names if not active or name != "alan"])
            case ["users", name]:
                return user(name, stopped=query["include_stopped_servers"] == "1")
            case ["groups"]:
                return page([{"name": "class", "users": [], "roles": [], "properties": {}}])
            case _:
                return {"culler": {"name": "culler", "admin": False, "url": "", "roles": []}}

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), SmallHub) as hub:
        Thread(target=hub.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{hub.server_port}"
        hub.shutdown()


@pytest.fixture
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completion, "PATIENCE", 60.0)
    monkeypatch.setenv("CALLBOARD_TOKEN", "right")


def completed(line: str) -> list[str]:
    *words, incomplete = line.split(" ")
    found = ShellComplete(main, {}, "callboard", "_CALLBOARD_COMPLETE").get_completions(words, incomplete)
    return [item.value for item in found]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("users al", ["alan", "alice"]),
        ("users fr", ["frank@example.com"]),
        ("users x", []),
        ("servers b", ["bob"]),
        ("groups ", ["class"]),
        ("groups x", []),
        ("start al", ["alan", "alice"]),
        ("start ali", ["alice", "alice/lab", "alice/old"]),
        ("start alice/o", ["alice/old"]),
        ("start alice -o profile=x --no-wait al", []),  # it has its server
        ("stop al", ["alice"]),
        ("stop ali", ["alice", "alice/lab"]),
        ("stop --remove alan/", ["alan/lab"]),
        ("shares bo", ["bob", "bob/lab", "bob/old"]),
        ("shares --with bo", ["bob", "bob/lab", "bob/old"]),
        ("explain s", ["service/culler"]),
        ("explain service/cu", ["service/culler"]),
        ("explain bo", ["bob"]),
        ("explain bob D", ["delete"]),
        ("users --state a", ["active"]),
    ],
)
@pytest.mark.usefixtures("_patient")
def test_names_of_a_hub(line: str, names: list[str], url: str) -> None:
    command, _, rest = line.partition(" ")
    assert completed(f"{command} --url {url} {rest}") == names


@pytest.mark.usefixtures("_patient")
def test_which_hub_may_be_said_by_the_environment(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBOARD_URL", url)
    assert completed("users ali") == ["alice"]
    monkeypatch.setenv("CALLBOARD_TOKEN", "wrong")
    assert completed("users ali") == []


def test_types_of_events_need_no_hub() -> None:
    assert completed("log --type server.sp") == sorted(
        tag for tag in codec.FIELDS if tag.startswith("server.sp")
    )
    assert "user.created" in completed("log --type ")


def test_every_name_can_be_completed() -> None:
    """A new argument or option that is a name has to say how."""
    names = {"NAME", "USER", "USER/SERVER", "USER[/SERVER]", "WHO", "TYPE", "[NAME]", "[TEXT]"}
    without = [
        f"{command} {parameter.name}"
        for command in main.list_commands(None)  # type: ignore[arg-type]
        for parameter in main.get_command(None, command).params  # type: ignore[arg-type, union-attr]
        if (parameter.metavar or parameter.human_readable_name) in names
        and not parameter._custom_shell_complete
    ]
    assert without == []


# --- hubs that are not there ---


@pytest.mark.parametrize(
    "config",
    [
        "c.JupyterHub.db_url = 'sqlite:///nothing.sqlite'",
        "print('hello')",
        "import sys; print('hello', file=sys.stderr)",
        "raise ValueError('no')",
        "raise SystemExit(3)",
        "this is no Python",
    ],
)
def test_where_no_hub_is_nothing_is_said(
    config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.py").write_text(config)
    for line in (
        "start -f c.py al",
        "log -f c.py --user al",
        "token -f c.py al",
        "users al",
        "users -f no.py al",
    ):
        assert completed(line) == []
    assert completed("replay --db nothing.sqlite --server al") == []
    assert capfd.readouterr() == ("", "")


def test_a_hub_that_does_not_answer_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(completion, "PATIENCE", 0.05)
    monkeypatch.setenv("CALLBOARD_TOKEN", "right")
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as deaf, socket.socket(socket.AF_UNIX) as control:
        control.bind("log.sqlite.control")
        control.listen()
        assert completed(f"users --url http://127.0.0.1:{deaf.getsockname()[1]} al") == []
        assert completed("users --db log.sqlite al") == []
    assert completed("users --url http://127.0.0.1:1 al") == []
    assert completed("users --url nonsense al") == []
    assert capfd.readouterr() == ("", "")
