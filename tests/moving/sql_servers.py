"""Database servers of the tests' own, for hubs that keep their database in one: each with a database `hub`."""

from __future__ import annotations

import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from glob import glob
from pathlib import Path

import psycopg
import pymysql

from tests.engines.daemons import Daemon
from tests.engines.debian import need, need_root
from tests.integration.hub import free_ports

PASSWORD = "canary-database-4d21"


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of a database, as `c.JupyterHub.db_url` has it."""
    need_root("PostgreSQL")
    need("pg_ctlcluster", "postgresql")
    programs = sorted(glob("/usr/lib/postgresql/*/bin"))[-1]
    (port,) = free_ports(1)
    with _folder("postgres") as folder:
        as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        secret = folder / "password"
        secret.write_text(PASSWORD)
        shutil.chown(secret, "postgres")
        begin = [f"{programs}/initdb", "-D", f"{folder}/data", "-U", "hub", "-A", "scram-sha-256"]
        subprocess.run(
            [*as_postgres, *begin, f"--pwfile={secret}"], check=True, capture_output=True, timeout=60
        )
        serve = [f"{programs}/postgres", "-D", f"{folder}/data", "-p", str(port), "-k", str(folder)]
        daemon = Daemon([*as_postgres, *serve], folder / "log")
        address = f"hub:{PASSWORD}@127.0.0.1:{port}"
        try:
            daemon.start()
            daemon.wait(lambda: _answers(f"postgresql://{address}/postgres"))
            with closing(psycopg.connect(f"postgresql://{address}/postgres", autocommit=True)) as connection:
                connection.execute("CREATE DATABASE hub")
            yield f"postgresql+psycopg://{address}/hub"
        finally:
            daemon.kill()


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


@contextmanager
def mariadb() -> Iterator[str]:
    """The same, with MySQL's protocol."""
    need_root("MariaDB")
    server = need("mariadbd", "mariadb-server")
    (port,) = free_ports(1)
    with _folder("mysql") as folder:
        begin = [need("mariadb-install-db", "mariadb-server"), "--no-defaults", f"--datadir={folder}/data"]
        subprocess.run(
            [*begin, "--user=mysql", "--auth-root-authentication-method=normal"],
            check=True,
            capture_output=True,
            timeout=60,
        )
        places = [f"--datadir={folder}/data", f"--socket={folder}/socket", f"--pid-file={folder}/pid"]
        serve = [
            server,
            "--no-defaults",
            *places,
            "--user=mysql",
            "--bind-address=127.0.0.1",
            f"--port={port}",
        ]
        daemon = Daemon(serve, folder / "log")
        try:
            daemon.start()
            daemon.wait(lambda: _connects(f"{folder}/socket"))
            with closing(pymysql.connect(unix_socket=f"{folder}/socket", user="root")) as connection:
                cursor = connection.cursor()
                cursor.execute("CREATE DATABASE hub CHARACTER SET utf8mb4")
                cursor.execute(f"CREATE USER hub@127.0.0.1 IDENTIFIED BY '{PASSWORD}'")
                cursor.execute("GRANT ALL ON hub.* TO hub@127.0.0.1")
                cursor.execute("GRANT PROCESS ON *.* TO hub@127.0.0.1")
            yield f"mysql+pymysql://hub:{PASSWORD}@127.0.0.1:{port}/hub"
        finally:
            daemon.kill()


def _connects(path: str) -> bool:
    """Raises OSError until somebody listens there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(path)
        return bool(connection.recv(1))  # the server's greeting


@contextmanager
def _folder(account: str) -> Iterator[Path]:
    """That belongs to this account of the system."""
    folder = Path(tempfile.mkdtemp(prefix=f"callboard-{account}-"))
    try:
        shutil.chown(folder, pwd.getpwnam(account).pw_uid)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
