"""What the command line, the environment and files say."""

import os
import ssl
import subprocess
import sys
from pathlib import Path

import click
import pytest
import trio

from core.machine.process_identity import read_stat
from web.http1.listen import Listeners
from web.proxy import pid_file
from web.proxy.command import proxy, settings_from
from web.proxy.settings import ProxySettings
from web.proxy.tls import Certificate


def settings(*arguments: str, token: str = "secret") -> ProxySettings:
    options = proxy.make_context("proxy", list(arguments)).params
    found = settings_from(options, token)
    assert isinstance(found, ProxySettings)
    return found


@pytest.mark.parametrize(
    ("arguments", "base_url", "stream"),
    [
        ((), "/", "http://127.0.0.1:8081/hub/api/proxy/stream"),
        (("--bind-url", "http://:8000/base/"), "/base/", "http://127.0.0.1:8081/base/hub/api/proxy/stream"),
        (
            ("--bind-url", "http://:8000/base", "--base-url", "/"),
            "/",
            "http://127.0.0.1:8081/hub/api/proxy/stream",
        ),
        (("--base-url", "a/b"), "/a/b/", "http://127.0.0.1:8081/a/b/hub/api/proxy/stream"),
        (("--hub-url", "http+unix://%2Fh"), "/", "http+unix://%2Fh/hub/api/proxy/stream"),
        (("--stream-url", "http://h/s"), "/", "http://h/s"),
    ],
)
def test_where_the_hub_is(arguments: tuple[str, ...], base_url: str, stream: str) -> None:
    found = settings(*arguments)
    assert (found.base_url, found.stream) == (base_url, stream)


def test_limits_and_files() -> None:
    found = settings("--max-connections", "7", "--shutdown-grace", "1", "--ssl-key", "k", "--ssl-cert", "c")
    assert (found.limits.connections, found.limits.shutdown_grace) == (7, 1.0)
    assert (found.scheme, settings().scheme) == (b"https", b"http")


def test_the_token_is_needed_and_never_shown() -> None:
    assert "secret" not in repr(settings())
    with pytest.raises(click.UsageError):
        settings(token="")
    with pytest.raises(click.UsageError):
        settings("--ssl-key", "k")


def test_the_command_is_cheap_to_import() -> None:
    program = "import sys, web.proxy.command; sys.exit('trio' in sys.modules or 'msgspec' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[4])


def test_the_process_needs_nothing_of_the_hub() -> None:
    program = (
        "import sys, web.proxy.run;"
        "assert not {'quart', 'hypercorn', 'sqlite_utils', 'sqlite3', 'asyncio'} & set(sys.modules);"
        "of_core = {name for name in sys.modules if name.startswith('core.')};"
        "names = {'machine.process_identity', 'machine.bind_port', 'machine.private_file', 'machine', 'backoff'};"
        "assert of_core == {f'core.{name}' for name in names}, of_core"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[4])


def test_a_pid_file_is_removed_by_its_owner_only(tmp_path: Path) -> None:
    path = str(tmp_path / "proxy.pid")
    ourselves = pid_file.write(path, "127.0.0.1:8000")
    stat = read_stat(os.getpid())
    assert stat is not None
    assert (ourselves.pid, ourselves.start_time) == (stat.pid, stat.start)
    assert os.listdir(tmp_path) == ["proxy.pid"]
    pid_file.remove(path, pid_file.PidFile(1, 2, "boot", "address", 1))
    assert os.path.exists(path)
    pid_file.remove(path, ourselves)
    assert not os.path.exists(path)
    pid_file.remove(path, ourselves)


@pytest.mark.parametrize("url", ["http://127.0.0.1:0", "http://localhost:0", "http://:0", "http://*:0/base/"])
def test_listening(url: str) -> None:
    listeners = Listeners(url)
    ports = {listener.getsockname()[1] for listener in listeners.sockets}
    assert len(ports) == 1
    beside = Listeners(f"http://{listeners.address}")  # a next proxy may share the port
    beside.close()
    listeners.close()


@pytest.mark.parametrize("url", ["http://192.0.2.1:0", "http+unix://%2Fnowhere%2Fproxy.sock"])
def test_where_one_cannot_listen(url: str) -> None:
    with pytest.raises(OSError, match="cannot listen on"):
        Listeners(url)


def make_certificate(path: Path, name: str) -> tuple[str, str]:
    key, cert = str(path / "key.pem"), str(path / "cert.pem")
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    command += ["-days", "2", "-subj", f"/CN={name}", "-keyout", key, "-out", cert]
    subprocess.run(command, check=True, capture_output=True)
    return key, cert


async def test_certificates_are_read_anew_when_they_change(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    certificate = Certificate(*make_certificate(tmp_path, "first"))
    nursery.start_soon(certificate.follow_files)
    first = certificate.context
    await trio.sleep(130)
    assert certificate.context is first
    make_certificate(tmp_path, "second")
    await trio.sleep(61)
    second = certificate.context
    assert second is not first
    (tmp_path / "cert.pem").write_text("nonsense")
    await trio.sleep(61)
    assert certificate.context is second
    (tmp_path / "cert.pem").unlink()
    await trio.sleep(61)
    assert certificate.context is second
    nursery.cancel_scope.cancel()


def test_a_certificate_that_is_none_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("nonsense")
    with pytest.raises(ssl.SSLError):
        Certificate("", str(tmp_path / "cert.pem"))
