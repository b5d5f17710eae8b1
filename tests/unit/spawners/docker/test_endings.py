"""How attempts have ended, on the hub's disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.naming.ids import new_id
from spawners.docker.endings import Endings, Owner
from spawners.docker.engine.found import Ended
from spawners.docker.output import Piece

ENDED = Ended(-9, "It ran out of memory.")


def test_what_is_written_is_read_by_the_next_hub_too(tmp_path: Path) -> None:
    spawn_id, output = new_id("s"), [Piece(7, b"\xff\n"), Piece(8, b"x")]
    Endings(tmp_path / "docker").write(spawn_id, ENDED, output, Owner("u1", "v1"))
    later = Endings(tmp_path / "docker")
    assert later.ended(spawn_id) == ENDED
    assert later.output(spawn_id) == output
    assert sorted(file.name for file in (tmp_path / "docker" / spawn_id).iterdir()) == [
        "end",
        "output",
        "owner",
    ]
    later.drop(spawn_id)
    assert later.ended(spawn_id) is None
    assert later.output(spawn_id) == []
    later.drop(spawn_id)


@pytest.mark.parametrize("content", [b"", b"{", b"[]"])
def test_what_cannot_be_read_is_not_there(tmp_path: Path, content: bytes) -> None:
    endings, spawn_id = Endings(tmp_path), new_id("s")
    endings.write(spawn_id, ENDED, [], Owner("u1", "v1"))
    for name in ("end", "output", "owner"):
        (tmp_path / spawn_id / name).write_bytes(content)
    assert endings.ended(spawn_id) is None
    assert endings.output(spawn_id) == []
    assert endings.of("u1") == []


def test_whose_they_are(tmp_path: Path) -> None:
    endings = Endings(tmp_path / "docker")
    assert endings.of("u1") == []
    owners = [Owner("u1", "v1"), Owner("u1", "v2"), Owner("u2", "v3"), Owner()]
    ids = [new_id("s") for _ in owners]
    for spawn_id, owner in zip(ids, owners, strict=True):
        endings.write(spawn_id, ENDED, [], owner)
    assert endings.of("u1") == sorted(ids[:2])
    assert endings.of("u1", "v2") == [ids[1]]
    assert endings.of("u2", "v2") == []


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endings, spawn_id = Endings(tmp_path), new_id("s")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space left"):
        endings.write(spawn_id, ENDED, [], Owner())
    assert list((tmp_path / spawn_id).iterdir()) == []
    assert endings.ended(spawn_id) is None
