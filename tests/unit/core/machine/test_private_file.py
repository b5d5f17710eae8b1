"""Files in folders that others may write to: theirs is neither followed nor kept, and nobody sees half of ours."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from core.machine import private_file
from core.machine.private_file import begin_private_file, write_private_file


def begun(path: Path) -> None:
    with open(begin_private_file(path), "wb") as file:
        file.write(b"ours")


def written(path: Path) -> None:
    write_private_file(path, b"ours")


def synced(path: Path) -> None:
    write_private_file(path, b"ours", synced=True)


@pytest.mark.parametrize("write", [begun, written, synced])
@pytest.mark.parametrize("is_link", [False, True])
def test_what_had_the_name_loses_it(tmp_path: Path, write: Callable[[Path], None], is_link: bool) -> None:
    theirs, path = tmp_path / "theirs", tmp_path / "file"
    theirs.write_bytes(b"theirs")
    if is_link:
        path.symlink_to(theirs)
    else:
        path.write_bytes(b"before")
        path.chmod(0o666)
    write(path)
    assert theirs.read_bytes() == b"theirs"
    assert path.read_bytes() == b"ours"
    assert stat.S_IMODE(path.lstat().st_mode) == 0o600
    assert sorted(tmp_path.iterdir()) == [path, theirs]


def test_what_could_not_be_written_leaves_all_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError("no room")

    path = tmp_path / "file"
    path.write_bytes(b"before")
    monkeypatch.setattr(private_file.os, "fsync", full)
    with pytest.raises(OSError, match="no room"):
        write_private_file(path, b"ours", synced=True)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]
