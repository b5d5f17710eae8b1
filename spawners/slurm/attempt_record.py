"""What the hub keeps on its own disk of an attempt: whatever Slurm forgets, or must not be asked to remember.

    lock       taken by whoever submits the job, and by sbatch itself until it has ended
    account    whose job it is and where it writes, written before the job is submitted
    doubt      sbatch failed, and the job may have been submitted all the same
    job        the id of the job
    port       where the server listens, as it has told itself
    url        where it answers, if another hub has started it
    end        how it has ended, or that no job may be submitted any more

Each spawn id has one of these directories, which nobody but the hub may look into. Where it is lost the server is not:
its job is found again by its name.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import suppress
from typing import TypeVar

import msgspec
from msgspec import Struct

from core.plugins.spawner import Gone

T = TypeVar("T")


class Owner(Struct, frozen=True):
    """`user`: of the job, as Slurm calls it. `as_user`: whether the hub has to act as that user to read `output`.

    `output`: `""` where that is not known.
    """

    user: str
    output: str
    as_user: bool = False


class End(Struct, frozen=True):
    """`is_gone`: nothing is left of it; else it is only that nothing may begin any more."""

    is_gone: bool = False
    exit_status: int | None = None
    reason: str = ""


class AttemptRecord:
    """Every method may raise OSError."""

    def __init__(self, directory: str) -> None:
        self.directory = directory

    # --- reading ---

    def exists(self) -> bool:
        return os.path.exists(self.directory)

    def owner(self) -> Owner | None:
        return self._read("account", Owner)

    def job(self) -> int | None:
        return self._read("job", int)

    def port(self) -> int | None:
        return self._read("port", int)

    def url(self) -> str | None:
        return self._read("url", str)

    def end(self) -> End | None:
        return self._read("end", End)

    def gone(self) -> Gone | None:
        end = self.end()
        return Gone(end.exit_status, reason=end.reason) if end is not None and end.is_gone else None

    def is_in_doubt(self) -> bool:
        return os.path.exists(f"{self.directory}/doubt")

    # --- writing ---

    def create(self) -> None:
        os.makedirs(self.directory, mode=0o700, exist_ok=True)

    def write_owner(self, owner: Owner) -> None:
        self._write("account", owner)

    def write_job(self, job_id: int) -> None:
        self._write("job", job_id)

    def write_port(self, port: int) -> bool:
        """False if there is another one already."""
        self._write("port", port, only_new=True)
        return self.port() == port

    def write_url(self, url: str) -> None:
        self._write("url", url)

    def write_end(self, gone: Gone) -> Gone:
        """The first end that is written counts."""
        if (known := self.gone()) is not None:
            return known
        self.create()
        self._write("end", End(True, gone.exit_status, gone.reason))
        return gone

    def write_doubt(self) -> None:
        self._write("doubt", True)

    def clear_doubt(self) -> None:
        if self.is_in_doubt():
            os.unlink(f"{self.directory}/doubt")

    def bar(self) -> None:
        """No job is to be submitted any more. Only with the lock held."""
        if self.end() is None:
            self._write("end", End())

    def remove(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)

    # --- the lock ---

    def take_lock(self) -> int | None:
        """A descriptor: it is held until this and all heirs of it are closed. None if it is taken."""
        self.create()
        descriptor = os.open(f"{self.directory}/lock", os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    # --- files ---

    def _read(self, name: str, kind: type[T]) -> T | None:
        try:
            with open(f"{self.directory}/{name}", "rb") as file:
                return msgspec.json.decode(file.read(), type=kind)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise OSError(f"{self.directory}/{name} cannot be read: {error}") from error

    def _write(self, name: str, value: object, *, only_new: bool = False) -> None:
        """Whole or not at all, whatever happens meanwhile."""
        path, part = (
            f"{self.directory}/{name}",
            f"{self.directory}/.{name}.{os.getpid()}.{os.urandom(4).hex()}",
        )
        with open(part, "xb") as file:
            file.write(msgspec.json.encode(value))
            file.flush()
            os.fsync(file.fileno())
        if not only_new:
            os.rename(part, path)
            return
        with suppress(FileExistsError):
            os.link(part, path)
        os.unlink(part)
