"""What makes no sense is refused in JSON, in words, at once, and changes nothing: on both ports."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.hub import ADMIN_TOKEN, RealHub, resident

pytestmark = pytest.mark.slow

MIB = 1 << 20
HUGE = 100 * MIB


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    """One for all: nothing here may change anything."""
    directory = Path(tmp_path_factory.mktemp("hub"))
    hub = RealHub(directory, config="c.JupyterHub.activity_resolution = 3600")
    hub.start()
    hub.add_user("alice")
    try:
        yield hub
        log = hub.log()
        assert "Traceback" not in log
        assert hub.terminate() == 0
    finally:
        hub.close()


@pytest.fixture(scope="module")
def alices_token(hub: RealHub) -> str:
    return hub.token_of("alice")


@pytest.fixture(autouse=True)
def nothing_changes(hub: RealHub, alices_token: str) -> Iterator[None]:
    before = hub.head
    yield
    assert hub.head == before
    assert hub.server_processes() == []
    assert hub.api("GET", "/users/alice").status_code == 200


@pytest.fixture(params=["proxy", "hub"])
def port(request: pytest.FixtureRequest, hub: RealHub) -> int:
    return hub.port if request.param == "proxy" else hub.hub_port


class Answer:
    def __init__(self, raw: bytes) -> None:
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }

    def message(self) -> str:
        """Of a refusal, which is in JSON and in words."""
        assert self.headers["content-type"] == "application/json"
        refusal = json.loads(self.body)
        assert refusal["status"] == self.status
        assert isinstance(refusal["message"], str)
        assert refusal["message"]
        return str(refusal["message"])


def ask(
    port: int, method: str, path: str, body: bytes = b"", *, headers: str = "", token: str = ADMIN_TOKEN
) -> Answer:
    """The path goes out as it is: no client between that would tidy it up."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        f"Authorization: token {token}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head.encode() + body)
        return Answer(_all(connection))


def _all(connection: socket.socket) -> bytes:
    raw = b""
    try:
        while data := connection.recv(65536):
            raw += data
    except ConnectionResetError:
        pass  # of what it did not want to read
    return raw


# --- bodies ---

JSON_TROUBLE = {
    "cut off": b'{"user_options": {',
    "no JSON": b"user_options: {}",
    "a form": b"user_options=1&display_name=2",
    "a comma too many": b'{"user_options": {},}',
    "NaN": b'{"user_options": {"x": NaN}}',
    "a number beyond all bounds": b'{"user_options": {"x": 1e999}}',
    "half a surrogate": b'{"user_options": {"x": "\\ud800"}}',
    "UTF-16": '{"user_options": {}}'.encode("utf-16"),
    "a NUL": b'{"user_options": {}}\0',
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "deep inside": b'{"user_options": {"x": ' + b'{"x": ' * 50_000 + b"1" + b"}" * 50_001 + b"}",
}


@pytest.mark.parametrize("body", JSON_TROUBLE.values(), ids=JSON_TROUBLE)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/users/alice/server"),
        ("POST", "/users"),
        ("POST", "/users/bob"),
        ("POST", "/users/alice/tokens"),
        ("PATCH", "/users/alice"),
        ("DELETE", "/users/alice/server"),
    ],
)
def test_what_is_not_json(port: int, method: str, path: str, body: bytes) -> None:
    answer = ask(port, method, f"/hub/api{path}", body)
    assert answer.status == 400
    assert "JSON" in answer.message()


WRONG_TYPES = [
    ("POST", "/users/alice/server", [], "object"),
    ("POST", "/users/alice/server", "x", "object"),
    ("POST", "/users/alice/server", 1, "object"),
    ("POST", "/users/alice/server", {"user_options": []}, "user_options"),
    ("POST", "/users/alice/server", {"user_options": "x"}, "user_options"),
    ("POST", "/users/alice/servers/lab", {"display_name": 1}, "display_name"),
    ("POST", "/users/alice/servers/lab", {"display_name": "two  blanks"}, "display name"),
    ("DELETE", "/users/alice/server", {"remove": "yes"}, "remove"),
    ("DELETE", "/users/alice/server", {"remove": True}, "default"),
    ("DELETE", "/users/alice/server", [], "remove"),
    ("POST", "/users", None, "required"),
    ("POST", "/users", {}, "usernames"),
    ("POST", "/users", {"usernames": "bob"}, "usernames"),
    ("POST", "/users", {"usernames": [1]}, "usernames"),
    ("POST", "/users", {"usernames": []}, "usernames"),
    ("POST", "/users", {"usernames": ["bob"], "admin": "yes"}, "admin"),
    ("POST", "/users", {"usernames": ["bob", "a/b"]}, "a/b"),
    ("POST", "/users", {"usernames": ["bob", ".."]}, ".."),
    ("POST", "/users", {"usernames": ["x" * 256]}, "255"),
    ("POST", "/users", {"usernames": ["bob"], "colour": "red"}, "colour"),
    ("POST", "/users/bob", {"admin": 2}, "admin"),
    ("POST", "/users/alice/tokens", {"expires_in": "soon"}, "expires_in"),
    ("POST", "/users/alice/tokens", {"expires_in": -1}, "expires_in"),
    ("POST", "/users/alice/tokens", {"expires_in": 10**18}, "expires_in"),
    ("POST", "/users/alice/tokens", {"scopes": "users"}, "scopes"),
    ("POST", "/users/alice/tokens", {"scopes": ["no:such"]}, "no:such"),
    ("POST", "/users/alice/tokens", {"scopes": ["admin:users"]}, "admin:users"),
    ("POST", "/users/alice/activity", {"last_activity": "yesterday"}, "yesterday"),
    ("POST", "/users/alice/activity", {"last_activity": "2999-01-01T00:00:00Z"}, "future"),
    ("POST", "/users/alice/activity", {"servers": {"x": {"last_activity": "2020-01-01T00:00:00Z"}}}, "x"),
    ("POST", "/users/alice/activity", [], "object"),
]


@pytest.mark.parametrize(
    ("method", "path", "body", "named"),
    WRONG_TYPES,
    ids=[f"{method} {path} {str(body)[:40]}" for method, path, body, _ in WRONG_TYPES],
)
def test_what_is_json_but_does_not_fit(port: int, method: str, path: str, body: Any, named: str) -> None:
    answer = ask(port, method, f"/hub/api{path}", b"" if body is None else json.dumps(body).encode())
    assert answer.status == 400
    assert named in answer.message()


@pytest.mark.parametrize("token", [ADMIN_TOKEN, "nobody's-token"])
@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "chunked"])
def test_a_body_of_a_hundred_megabytes(hub: RealHub, port: int, chunked: bool, token: str) -> None:
    """It is refused long before it has come, and never held in memory."""
    pids = (hub.pid, hub.proxy_pid())
    before = [resident(pid) for pid in pids]
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {HUGE}"
    head = (
        f"POST /hub/api/users/alice/server HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        f"Authorization: token {token}\r\n{framing}\r\n\r\n"
    )
    block = b"x" * 65536
    piece = b"10000\r\n" + block + b"\r\n" if chunked else block
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(head.encode())
        try:
            for _ in range(HUGE // len(block)):
                connection.sendall(piece)
            if chunked:
                connection.sendall(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            pass  # it does not want to read on
        answer = Answer(_all(connection))
    assert answer.status == (413 if token == ADMIN_TOKEN else 403)
    assert answer.message()
    for pid, size in zip(pids, before, strict=True):
        assert resident(pid) - size < 20 * MIB


def test_a_body_that_is_announced_and_never_comes(hub: RealHub, port: int) -> None:
    """Others are served meanwhile."""
    head = (
        "POST /hub/api/users/alice/server HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: token {ADMIN_TOKEN}\r\nContent-Length: 1000\r\n\r\n{{"
    )
    connections = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(50)]
    try:
        for connection in connections:
            connection.sendall(head.encode())
        assert hub.api("GET", "/users/alice").status_code == 200
    finally:
        for connection in connections:
            connection.close()


def test_bytes_that_are_not_utf8_are_replaced(port: int) -> None:
    """As JupyterHub does; here in a place where they still do not fit."""
    answer = ask(port, "POST", "/hub/api/users", b'{"usernames": "\xff\xfe"}')
    assert answer.status == 400
    assert "usernames" in answer.message()


# --- names ---

NO_NAMES = [
    "a%2Fb",
    "a%2fb",
    "..",
    ".",
    "%2e%2e",
    "%2E",
    "%00",
    "a%00b",
    "a%0ab",
    "a%7fb",
    "%20",
    "%20bob",
    "bob%20",
    "a%252Fb",
    "%252e%252e",
    "x" * 256,
]


@pytest.mark.parametrize("name", NO_NAMES)
def test_names_that_no_user_can_have(port: int, name: str) -> None:
    answer = ask(port, "POST", f"/hub/api/users/{name}")
    assert answer.status == 400
    assert "user name" in answer.message()
    for method, tail in (("GET", ""), ("DELETE", ""), ("POST", "/server"), ("GET", "/server/progress")):
        answer = ask(port, method, f"/hub/api/users/{name}{tail}")
        assert answer.status == 404
        assert answer.message()


@pytest.mark.parametrize(
    "name", [*NO_NAMES, "Lab", "1lab", "a_b", "a.b", "a--b", "a-", "-a", "l%C3%A4b", "x" * 31, "a%5Cb"]
)
def test_names_that_no_server_can_have(port: int, name: str) -> None:
    answer = ask(port, "POST", f"/hub/api/users/alice/servers/{name}")
    assert answer.status == 400
    assert "server name" in answer.message()
    for method in ("GET", "DELETE"):
        answer = ask(port, method, f"/hub/api/users/alice/servers/{name}")
        assert answer.status == 404
        assert answer.message()


@pytest.mark.parametrize("name", ["%ff", "%C3%28", "%ED%A0%80", "y" * 5000, "%61" * 2000])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_paths_that_name_nothing(port: int, method: str, name: str) -> None:
    for path in (f"/users/{name}", f"/users/alice/servers/{name}"):
        answer = ask(port, method, f"/hub/api{path}")
        assert answer.status in (404, 405)
        assert len(answer.message()) < 1000


def test_a_path_without_an_end(port: int) -> None:
    answer = ask(port, "GET", f"/hub/api/users/{'z' * 100_000}")
    assert answer.status in (404, 414)
    assert len(answer.body) < 1000


@pytest.mark.parametrize("who", ["nobody", "ALICE%20", "a"])
def test_users_and_servers_that_are_not_there(port: int, who: str) -> None:
    for method, path in (
        ("GET", f"/users/{who}"),
        ("DELETE", f"/users/{who}"),
        ("PATCH", f"/users/{who}"),
        ("POST", f"/users/{who}/server"),
        ("DELETE", f"/users/{who}/server"),
        ("GET", f"/users/{who}/servers/"),
        ("GET", f"/users/{who}/servers//progress"),
        ("POST", f"/users/{who}/activity"),
        ("GET", f"/users/{who}/tokens"),
        ("GET", "/users/alice/servers/nothing"),
        ("DELETE", "/users/alice/servers/nothing"),
        ("GET", "/users/alice/servers/nothing/progress"),
        ("GET", "/users/alice/tokens/t123"),
    ):
        answer = ask(port, method, f"/hub/api{path}", b"{}" if method == "PATCH" else b"")
        assert answer.status in (404, 400) if method == "PATCH" else answer.status == 404, (method, path)
        assert answer.message()


# --- methods and URLs ---


@pytest.mark.parametrize("path", ["", "/", "/users", "/users/alice", "/users/alice/server", "/info", "/user"])
def test_methods_that_are_not_there(port: int, path: str) -> None:
    for method in ("HEAD", "TRACE"):
        answer = ask(port, method, f"/hub/api{path}")
        assert answer.status == 405
        assert answer.headers["content-type"] == "application/json"
        assert (answer.body == b"") == (method == "HEAD")
    answer = ask(port, "OPTIONS", f"/hub/api{path}", token="nobody's-token")
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/users/", "/users/alice/", "/users/alice/server/", "/users//", "/users//server", "/api"],
)
@pytest.mark.parametrize("token", [ADMIN_TOKEN, "nobody's-token"])
def test_urls_that_are_not_there(port: int, path: str, token: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        answer = ask(port, method, f"/hub/api{path}", token=token)
        assert answer.status == 404, (method, path)
        assert answer.message()
        assert answer.headers["x-jupyterhub-version"] == "6.1.1"


def test_what_has_not_changed_is_not_sent_again(port: int) -> None:
    for path in ("", "/users/alice", "/users", "/users/alice/servers/"):
        first = ask(port, "GET", f"/hub/api{path}")
        assert first.status == 200
        tag = first.headers["etag"]
        for sent in (tag, f'"other", {tag}', f"W/{tag}"):
            again = ask(port, "GET", f"/hub/api{path}", headers=f"If-None-Match: {sent}\r\n")
            assert (again.status, again.body) == (304, b""), path
            assert again.headers["etag"] == tag
        assert ask(port, "GET", f"/hub/api{path}", headers='If-None-Match: "x"\r\n').status == 200


# --- who asks ---

NO_CREDENTIALS: dict[str, Callable[[], str]] = {
    "none": lambda: "",
    "a wrong one": lambda: "Authorization: token nobody's-token\r\n",
    "a long one": lambda: f"Authorization: token {'x' * 10_000}\r\n",
    "no scheme": lambda: f"Authorization: {ADMIN_TOKEN}\r\n",
    "basic": lambda: f"Authorization: Basic {ADMIN_TOKEN}\r\n",
    "in two words": lambda: f"Authorization: token {ADMIN_TOKEN} x\r\n",
    "bytes": lambda: "Authorization: token \xff\xfe\r\n",
}


@pytest.mark.parametrize("credentials", NO_CREDENTIALS.values(), ids=NO_CREDENTIALS)
def test_credentials_that_are_none(port: int, credentials: Callable[[], str]) -> None:
    for method, path in (("GET", "/users"), ("POST", "/users/bob"), ("POST", "/users/alice/server")):
        head = (
            f"{method} /hub/api{path}?token={ADMIN_TOKEN} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            f"Content-Length: 0\r\n{credentials()}\r\n"
        )
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(head.encode("latin-1"))
            answer = Answer(_all(connection))
        assert answer.status == 403
        assert answer.message()


def test_the_token_of_one_does_nothing_for_another(port: int, alices_token: str) -> None:
    """Whether somebody else exists is not told either."""
    for method, path in (
        ("GET", "/users/{}"),
        ("POST", "/users/{}"),
        ("DELETE", "/users/{}"),
        ("POST", "/users/{}/server"),
        ("DELETE", "/users/{}/server"),
        ("GET", "/users/{}/servers//progress"),
        ("POST", "/users/{}/tokens"),
        ("POST", "/users/{}/activity"),
    ):
        refused = [
            ask(port, method, f"/hub/api{path.format(who)}", token=alices_token)
            for who in ("admin", "nobody")
        ]
        assert refused[0].status in (403, 404), (method, path)
        assert refused[0].status == refused[1].status
        assert refused[0].message().replace("=admin", "=nobody") == refused[1].message()
    for method, path in (("POST", "/users"), ("GET", "/proxy"), ("POST", "/shutdown"), ("GET", "/info")):
        assert ask(port, method, f"/hub/api{path}", token=alices_token).status == 403, (method, path)
